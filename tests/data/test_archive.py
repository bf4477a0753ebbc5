import gzip
import io
import itertools
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.data import store
from pipeline.data.importing import import_dataset
from pipeline.data.readers import archive
from pipeline.errors import UserError
from tests.data.source_makers import (
    WRITERS,
    csv_text,
    image_file,
    noise_file,
    row,
    write_folder,
    write_tar,
    write_zip,
)

FACE = {"train/happy/a.png": image_file()}
CSV = {"fer2013.csv": csv_text(row(), row()).encode()}
ARCHIVES = ("a.zip", "a.tar.gz")
PACKED = [(packed, content) for packed in ARCHIVES for content in (FACE, CSV)]


def tar_with(path: Path, name: str, kind: bytes, target: str = "", size: int = 0) -> Path:
    """A tar of one face and one member of an unusual kind."""
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("train/happy/a.png")
        info.size = len(image_file())
        tar.addfile(info, io.BytesIO(image_file()))
        odd = tarfile.TarInfo(name)
        odd.type, odd.linkname, odd.size = kind, target, size
        tar.addfile(odd)
    return path


def test_import_rejects_an_archive_that_escapes_its_folder(tmp_path, refusal):
    names = (
        "../out.png",
        "train/happy/../../../out.png",
        "..",
        "/etc/out.png",
        "..\\out.png",
        "C:\\out.png",
        "C:out.png",
        "\\\\server\\share\\out.png",
    )
    for name, (packed, content) in itertools.product(names, PACKED):
        sentence = refusal(WRITERS[packed](tmp_path / packed, {**content, name: image_file()}))
        assert f"{packed} is refused because its member {name!r} escapes the folder." in sentence


def test_import_rejects_links_and_devices(tmp_path, refusal):
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    for kind, target in itertools.product(kinds, ("/etc/passwd", "train/happy/a.png")):
        source = tar_with(tmp_path / "a.tar.gz", "train/happy/b.png", kind, target)
        assert "a.tar.gz is refused because its member 'train/happy/b.png' is a link" in refusal(
            source
        )

    zipped = write_zip(tmp_path / "a.zip", FACE)
    with zipfile.ZipFile(zipped, "a") as file:
        info = zipfile.ZipInfo("train/happy/b.png")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    assert "member 'train/happy/b.png' is a link" in refusal(zipped)


def test_import_rejects_links_and_devices_in_a_folder(tmp_path, refusal):
    folder, outside = (write_folder(tmp_path / name, FACE) for name in "ab")
    for inside, (name, target) in itertools.product(
        (folder, outside),
        {"train/happy/b.png": "a.png", "train/sad": "", "train/happy/broken.png": "none"}.items(),
    ):
        link = folder / name
        link.symlink_to(inside / "train/happy" / target)
        assert f"a is refused because its member '{name}' is a link" in refusal(folder)
        link.unlink()
    os.mkfifo(folder / "train/happy/b.png")
    assert "'train/happy/b.png' is a link or a device" in refusal(folder)


def test_import_rejects_an_archive_larger_than_the_limit(tmp_path, refusal, monkeypatch):
    declared = tmp_path / "b.zip"
    with zipfile.ZipFile(declared, "w") as file:
        for number in range(2):
            file.writestr(f"train/happy/{number}.png", image_file())
        for info in file.infolist():
            info.file_size = 3 * 1024**3
    assert "b.zip unpacks to more than 4 GB" in refusal(declared)
    source = tar_with(tmp_path / "b.tar.gz", "train/happy/b.png", tarfile.REGTYPE, size=5 << 30)
    assert "b.tar.gz unpacks to more than 4 GB" in refusal(source)

    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 20_000)
    for packed, content in PACKED:
        files = {**content, "train/happy/b.png": bytes(20_001)}
        assert "unpacks to more than" in refusal(WRITERS[packed](tmp_path / packed, files))

    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 1024**2)
    endless = write_tar(tmp_path / "a.tar", FACE, "w")
    endless.write_bytes(endless.read_bytes() + bytes(3 * 1024**2))
    assert "unpacks to more than" in refusal(endless)


def test_headers_of_a_tar_are_bounded_by_what_they_unpack_to(tmp_path, refusal):
    def member(name: str, kind: bytes, content: bytes, pax: dict[str, str] | None = None) -> bytes:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, len(content)
        if pax:
            info.pax_headers = pax
        body = content + bytes(-len(content) % 512)
        return info.tobuf(tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT) + body

    face = member("happy/a.png", tarfile.REGTYPE, image_file())
    long_name = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, b"x" * 3_000_000)
    pax = member("happy/b.png", tarfile.REGTYPE, image_file(), {"comment": "x" * 3_000_000})
    sparse_map = b"9999999\n" + b"0\n1\n" * 200_000
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "happy/b.png"}
    sparse |= {"GNU.sparse.realsize": "9"}
    cases = {
        "long name": long_name + face,
        "attributes": pax,
        "many headers": b"".join(
            member("././@LongLink", tarfile.GNUTYPE_LONGNAME, b"x") for _ in range(9999)
        )
        + face,
        "sparse": member("happy/b.png", tarfile.REGTYPE, sparse_map, sparse),
    }
    for case, content in cases.items():
        for first in (b"", face):  # the first headers are read when the archive is opened
            source = tmp_path / "a.tar.gz"
            source.write_bytes(gzip.compress(first + content + bytes(1024), 1))
            assert "a header of more than 128 KB" in refusal(source), case


@pytest.mark.slow
def test_memory_stays_flat_over_gigabytes_of_headers(tmp_path):
    """600 MB of attributes of 6,000 faces: what is read is forgotten."""
    with gzip.open(tmp_path / "a.tar.gz", "wb", 1) as file:
        for i in range(6000):
            info = tarfile.TarInfo(f"happy/{i}.png")
            info.pax_headers = {"comment": "x" * 100_000}
            file.write(info.tobuf(tarfile.PAX_FORMAT))
        file.write(bytes(1024))
    code = (
        "import resource, sys; from pathlib import Path;"
        "from pipeline.data.readers.archive import members;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "assert sum(1 for _ in members(Path(sys.argv[1]))) == 6000;"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.tar.gz")]
    assert int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) < 50


def test_archives_in_archives_are_read_like_folders(tmp_path, imported, refusal, monkeypatch):
    def packed(name: str, files: dict[str, bytes]) -> bytes:
        write = write_zip if name.endswith(".zip") else write_tar
        return write(tmp_path / name, files).read_bytes()

    inner = {"happy/a.png": image_file(1), "sad/b.png": image_file(2)}
    table = csv_text(row(3), row(4)).encode()
    for outer, name in itertools.product(("o.zip", "o.tar.gz", "folder"), ("i.zip", "i.tgz")):
        write = WRITERS.get(outer, WRITERS["a.tar.gz" if "tar" in outer else "a.zip"])
        both = {f"{s}{name[1:]}": packed(name, inner) for s in ("train", "test")}
        faces = imported(write(tmp_path / f"{name}-{outer}", {"README": b"words", **both}))
        ids = [f"{s}/{n[:-4]}" for s in ("test", "train") for n in inner]
        assert sorted(faces.ids.tolist()) == ids, (outer, name)
        assert sorted(faces.splits.tolist()) == ["test"] * 2 + ["train"] * 2
        deep = packed("d.zip", {"b" + name[1:]: packed(name, {"fer.csv": table})})
        faces = imported(write(tmp_path / f"{name}-deep-{outer}", {"a.zip": deep}))
        assert faces.ids.tolist() == ["fer0000000", "fer0000001"]

    log = store.dataset_folder("faces") / "import.log"
    beside = {**inner, "copy.zip": packed("i.zip", inner), "fer.csv": table}
    assert len(imported(write_zip(tmp_path / "beside.zip", beside))) == 2
    assert log.read_text().splitlines() == [f"{n}: was not read" for n in ("fer.csv", "copy.zip")]
    beside = {"fer.csv": table, "copy.tar.gz": packed("i.tar.gz", {"fer2013.csv": table})}
    assert imported(write_folder(tmp_path / "beside", beside)).ids[0] == "fer0000000"
    assert "copy.tar.gz: was not read" in log.read_text()

    for _ in range(5):
        inner = {"a.zip": packed("i.zip", inner)}
    assert "'a.zip' is an archive in 3 others" in refusal(write_zip(tmp_path / "o.zip", inner))
    bomb = packed("i.zip", {"happy/a.png": image_file() + bytes(200_000)})
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 300_000)
    bombs = {"a.zip": bomb, "b.zip": bomb}
    for outer, write in WRITERS.items():
        assert "unpacks to more than" in refusal(write(tmp_path / outer, bombs)), outer


def test_nothing_in_an_inner_archive_escapes_and_damage_is_named(tmp_path, refusal):
    inner = write_zip(tmp_path / "i.zip", {"../out.png": image_file()}).read_bytes()
    for outer, write in WRITERS.items():
        source = write(tmp_path / outer, {"i.zip": inner})
        assert f"{outer} is refused because its member '../out.png' escapes" in refusal(source)
        source = write(tmp_path / f"cut-{outer}", {"i.zip": inner[:-9], "x.tgz": b"words"})
        assert f"cut-{outer} is truncated or damaged" in refusal(source)


def test_import_rejects_a_zip_that_declares_less_than_it_holds(tmp_path, refusal):
    for content in (FACE, CSV):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in content.items():
                file.writestr(name, data)
            file.infolist()[0].file_size = 10
        assert "a.zip is truncated or damaged" in refusal(tmp_path / "a.zip")


@pytest.mark.parametrize("packed", ARCHIVES)
def test_import_rejects_a_truncated_archive(packed, tmp_path, refusal):
    for content in (FACE, CSV):
        source = WRITERS[packed](tmp_path / packed, {**content, "z/README": noise_file(1)})
        whole = source.read_bytes()
        for part in (0, 0.01, 0.3, 0.6, 0.9, 0.97, None):
            source.write_bytes(whole[:-1] if part is None else whole[: int(part * len(whole))])
            assert packed in refusal(source), part

    plain = write_tar(tmp_path / "a.tar", {f"happy/{i}.pgm": bytes(512) for i in range(3)}, "w")
    whole = plain.read_bytes()
    for blocks in range(1, 5):
        plain.write_bytes(whole[: blocks * 512])
        refusal(plain)


@pytest.mark.parametrize("packed", ARCHIVES)
def test_a_wrong_byte_anywhere_gives_one_sentence_or_the_faces(packed, tmp_path):
    source = WRITERS[packed](tmp_path / packed, FACE)
    whole = source.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        source.write_bytes(bytes(damaged))
        try:
            import_dataset(source, f"damaged{place}")
        except UserError as error:
            assert "\n" not in str(error)


def test_import_rejects_empty_encrypted_and_ambiguous_sources(tmp_path, refusal):
    for packed, write in WRITERS.items():
        assert f"{packed} is empty" in refusal(write(tmp_path / packed, {}))

    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name in ("train/happy/a.png", "./train/happy/a.png"):
            info = tarfile.TarInfo(name)
            info.size = len(image_file())
            tar.addfile(info, io.BytesIO(image_file()))
    assert "'train/happy/a.png' comes twice" in refusal(tmp_path / "a.tar.gz")

    source = write_zip(tmp_path / "a.zip", FACE)
    whole = source.read_bytes()
    directory = whole.index(b"PK\x01\x02")
    encrypted, unknown_method = bytearray(whole), bytearray(whole)
    encrypted[6] |= 1
    encrypted[directory + 8] |= 1
    source.write_bytes(bytes(encrypted))
    assert "is encrypted" in refusal(source)
    unknown_method[8] = unknown_method[directory + 10] = 9
    source.write_bytes(bytes(unknown_method))
    assert "not supported" in refusal(source)


def test_nothing_is_unpacked_by_lzma_which_may_need_gigabytes_of_memory(tmp_path, refusal):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("train/happy/a.png", image_file())
    assert "is packed by LZMA" in refusal(tmp_path / "a.zip")
    with tarfile.open(tmp_path / "a.tar", "w:xz") as tar:
        tar.addfile(tarfile.TarInfo("a.png"))
    assert "a.tar is truncated or damaged" in refusal(tmp_path / "a.tar")


def test_import_rejects_a_zip_with_a_member_without_a_name(tmp_path, refusal):
    source = write_zip(tmp_path / "a.zip", {**FACE, "x": b"x"})
    packed = bytearray(source.read_bytes())
    packed[packed.rindex(b"PK\x01\x02") + 46] = 0  # the name x in the directory, which ends here
    source.write_bytes(packed)

    assert "member '' has no name" in refusal(source)


def test_names_by_windows_and_a_tar_of_the_current_folder_are_read(tmp_path, imported):
    windows = write_zip(tmp_path / "a.zip", {"train\\happy\\a.png": image_file()})
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        tar.add(write_folder(tmp_path / "a", FACE), ".")
    for source in (windows, tmp_path / "a.tgz"):
        assert imported(source).ids.tolist() == ["train/happy/a"]
