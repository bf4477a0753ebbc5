import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.data.importing import import_dataset
from pipeline.data.readers import packed as packing
from pipeline.errors import UserError
from tests.data.source_makers import (
    WRITERS,
    csv_text,
    noise,
    picture,
    row,
    write_folder,
    write_tar,
    write_zip,
)

FACE = {"train/happy/a.png": picture()}
CSV = {"fer2013.csv": csv_text(row(), row()).encode()}


def add_to_tar(path: Path, name: str, kind: bytes, target: str = "", size: int = 0) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("train/happy/a.png")
        info.size = len(picture())
        tar.addfile(info, io.BytesIO(picture()))
        odd = tarfile.TarInfo(name)
        odd.type, odd.linkname, odd.size = kind, target, size
        tar.addfile(odd)
    return path


@pytest.mark.parametrize("packed", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("content", [FACE, CSV], ids=["pictures", "CSV"])
@pytest.mark.parametrize(
    "name",
    [
        "../out.png",
        "train/happy/../../../out.png",
        "..",
        "/etc/out.png",
        "..\\out.png",
        "C:\\out.png",
        "C:out.png",
        "\\\\server\\share\\out.png",
    ],
)
def test_a_member_that_escapes_is_refused(name, content, packed, tmp_path, refusal):
    sentence = refusal(WRITERS[packed](tmp_path / packed, {**content, name: picture()}))
    assert f"{packed} is refused because its member {name!r} escapes the folder." in sentence


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
@pytest.mark.parametrize("target", ["/etc/passwd", "train/happy/a.png"])
def test_a_link_in_a_tar_is_refused(kind, target, tmp_path, refusal):
    source = add_to_tar(tmp_path / "a.tar.gz", "train/happy/b.png", kind, target)
    assert "a.tar.gz is refused because its member 'train/happy/b.png' is a link" in refusal(source)


def test_a_link_in_a_zip_is_refused(tmp_path, refusal):
    source = write_zip(tmp_path / "a.zip", FACE)
    with zipfile.ZipFile(source, "a") as file:
        info = zipfile.ZipInfo("train/happy/b.png")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    assert "member 'train/happy/b.png' is a link" in refusal(source)


@pytest.mark.parametrize("name", ["train/happy/b.png", "train/sad", "train/happy/broken.png"])
@pytest.mark.parametrize("inside", [True, False], ids=["to the inside", "to the outside"])
def test_a_link_in_a_folder_is_refused(name, inside, tmp_path, refusal):
    folder = write_folder(tmp_path / "a", FACE)
    outside = write_folder(tmp_path / "b", FACE)
    target = (folder if inside else outside) / "train/happy"
    (folder / name).symlink_to(
        target / "none" if "broken" in name else target if name == "train/sad" else target / "a.png"
    )
    assert f"a is refused because its member '{name}' is a link" in refusal(folder)


def test_a_device_in_a_folder_is_refused(tmp_path, refusal):
    folder = write_folder(tmp_path / "a", FACE)
    os.mkfifo(folder / "train/happy/b.png")
    assert "'train/happy/b.png' is a link or a device" in refusal(folder)


@pytest.mark.parametrize("packed", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("content", [FACE, CSV], ids=["pictures", "CSV"])
def test_an_archive_larger_than_the_limit_is_refused(
    content, packed, tmp_path, refusal, monkeypatch
):
    monkeypatch.setattr(packing, "LARGEST", 20_000)
    files = {**content, "train/happy/b.png": bytes(20_001)}
    assert "unpacks to more than" in refusal(WRITERS[packed](tmp_path / packed, files))


def test_a_zip_that_declares_more_than_4_gb_is_refused(tmp_path, refusal):
    source = tmp_path / "a.zip"
    with zipfile.ZipFile(source, "w") as file:
        for number in range(2):
            file.writestr(f"train/happy/{number}.png", picture())
        for info in file.infolist():
            info.file_size = 3 * 1024**3
    assert "a.zip unpacks to more than 4 GB" in refusal(source)


def test_a_tar_that_declares_more_than_4_gb_is_refused(tmp_path, refusal):
    source = add_to_tar(tmp_path / "a.tar.gz", "train/happy/b.png", tarfile.REGTYPE, size=5 << 30)
    assert "a.tar.gz unpacks to more than 4 GB" in refusal(source)


def test_a_tar_with_endless_zeros_behind_its_end_is_refused(tmp_path, refusal, monkeypatch):
    source = write_tar(tmp_path / "a.tar", FACE, "w")
    source.write_bytes(source.read_bytes() + bytes(3 * 1024**2))
    monkeypatch.setattr(packing, "LARGEST", 1024**2)
    assert "unpacks to more than" in refusal(source)


@pytest.mark.parametrize("content", [FACE, CSV], ids=["pictures", "CSV"])
def test_a_zip_that_declares_less_than_it_holds_is_refused(content, tmp_path, refusal):
    source = tmp_path / "a.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            file.writestr(name, data)
        file.infolist()[0].file_size = 10
    assert "a.zip is truncated or damaged" in refusal(source)


@pytest.mark.parametrize("packed", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("content", [FACE, CSV], ids=["pictures", "CSV"])
@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.6, 0.9, 0.97, "all but 1 byte"])
def test_a_truncated_archive_is_refused(part, content, packed, tmp_path, refusal):
    source = WRITERS[packed](tmp_path / packed, {**content, "z/README": noise(1)})
    whole = source.read_bytes()
    source.write_bytes(whole[:-1] if isinstance(part, str) else whole[: int(part * len(whole))])
    assert packed in refusal(source)


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
def test_a_plain_tar_that_ends_between_members_is_refused(blocks, tmp_path, refusal):
    files = {f"happy/{i}.pgm": bytes(512) for i in range(3)}
    source = write_tar(tmp_path / "a.tar", files, "w")
    source.write_bytes(source.read_bytes()[: blocks * 512])
    refusal(source)


@pytest.mark.parametrize("packed", ["a.zip", "a.tar.gz"])
def test_no_wrong_byte_in_an_archive_gives_a_traceback(packed, tmp_path):
    source = WRITERS[packed](tmp_path / packed, FACE)
    whole = source.read_bytes()
    for place in range(0, len(whole), 7):
        spoilt = bytearray(whole)
        spoilt[place] ^= 0xFF
        source.write_bytes(bytes(spoilt))
        try:
            import_dataset(source, f"spoilt{place}")
        except UserError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("packed", WRITERS)
def test_an_empty_source_is_refused(packed, tmp_path, refusal):
    name = "folder" if packed == "folder" else packed
    assert f"{name} is empty" in refusal(WRITERS[packed](tmp_path / packed, {}))


def test_a_member_that_comes_twice_is_refused(tmp_path, refusal):
    source = tmp_path / "a.tar.gz"
    with tarfile.open(source, "w:gz") as tar:
        for name in ("train/happy/a.png", "./train/happy/a.png"):
            info = tarfile.TarInfo(name)
            info.size = len(picture())
            tar.addfile(info, io.BytesIO(picture()))
    assert "'train/happy/a.png' comes twice" in refusal(source)


def test_an_encrypted_zip_is_refused(tmp_path, refusal):
    source = write_zip(tmp_path / "a.zip", FACE)
    spoilt = bytearray(source.read_bytes())
    spoilt[6] |= 1
    spoilt[spoilt.index(b"PK\x01\x02") + 8] |= 1
    source.write_bytes(bytes(spoilt))
    assert "is encrypted" in refusal(source)


def test_a_zip_packed_by_an_unknown_method_is_refused(tmp_path, refusal):
    source = write_zip(tmp_path / "a.zip", FACE)
    spoilt = bytearray(source.read_bytes())
    spoilt[8] = spoilt[spoilt.index(b"PK\x01\x02") + 10] = 9
    source.write_bytes(bytes(spoilt))
    assert "not supported" in refusal(source)


def test_names_written_by_windows_are_read(tmp_path, imported):
    faces = imported(write_zip(tmp_path / "a.zip", {"train\\happy\\a.png": picture()}))
    assert faces.ids.tolist() == ["train/happy/a"]


def test_a_tar_of_the_current_folder_is_read(tmp_path, imported):
    folder = write_folder(tmp_path / "a", FACE)
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        tar.add(folder, ".")
    assert imported(tmp_path / "a.tgz").ids.tolist() == ["train/happy/a"]
