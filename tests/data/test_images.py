import io
import re
import struct
import subprocess
import sys
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.data.images import ImageError, decode_color, decode_gray, to_face
from tests.data.source_makers import noise_file


def encode(value: float, dtype=np.uint8, channels: int = 1, suffix: str = ".png") -> bytes:
    shape = (60, 60) if channels == 1 else (60, 60, channels)
    return cv2.imencode(suffix, np.full(shape, value, dtype))[1].tobytes()


def test_images_of_every_kind_become_gray():
    for case, content, value in (
        ("gray", encode(100), 100),
        ("color", encode(100, channels=3), 100),
        ("alpha", encode(100, channels=4), 100),
        ("16 bit, white", encode(65535, np.uint16), 255),
        ("16 bit", encode(25700, np.uint16), 100),
        ("16 bit color", encode(25700, np.uint16, 3), 100),
        ("float", encode(0.4, np.float32, suffix=".tiff"), 102),
        ("float above 1", encode(9.0, np.float32, suffix=".tiff"), 255),
        ("float below 0", encode(-1.0, np.float32, suffix=".tiff"), 0),
        ("not a number", encode(np.nan, np.float32, suffix=".tiff"), 0),
        ("JPEG", encode(100, suffix=".jpg"), 100),
        ("BMP", encode(100, suffix=".bmp"), 100),
        ("PGM", encode(100, suffix=".pgm"), 100),
        ("WebP", encode(100, channels=3, suffix=".webp"), 100),
        ("GIF", encode(255, channels=3, suffix=".gif"), 255),
    ):
        gray = decode_gray(content)
        assert gray is not None and gray.dtype == np.uint8 and gray.shape == (60, 60), case
        assert np.abs(gray.astype(int) - value).max() <= 3, case


def photo(kind: str, **options) -> bytes:
    """A smooth image of 40x20 pixels, bright at its left, as a file that Pillow writes."""
    file = io.BytesIO()
    left_to_right = np.repeat(np.linspace(240, 10, 40, dtype=np.uint8)[np.newaxis], 20, axis=0)
    Image.fromarray(left_to_right).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def test_images_of_every_format_are_turned_upright_by_their_exif():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter to the right
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"):
        for decode in (decode_gray, decode_color):
            assert decode(photo(kind)).shape[:2] == (20, 40), kind
            image = decode(photo(kind, exif=exif.tobytes()))
            assert image.dtype == np.uint8 and image.shape[:2] == (40, 20), kind
            assert image[:4].mean() > 200 and image[-4:].mean() < 50, kind


def test_a_damaged_image_is_refused_and_nothing_is_printed(capfd):
    files = {suffix: noise_file(1, suffix) for suffix in (".png", ".bmp", ".tiff", ".webp", ".gif")}
    files |= {kind: photo(kind) for kind in ("AVIF", "HEIF")}
    for kind, content in files.items():
        for part in (0, 1, 20, 0.5, 0.75, 0.95):
            end = int(part * len(content)) if isinstance(part, float) else part
            assert not decodes(content[:end]), (kind, part)
    assert not decodes(noise_file(1, ".pgm")[:-100])
    for place in (20, 100, 1000, -10):
        content = bytearray(noise_file(1))
        content[place] ^= 0xFF
        assert not decodes(bytes(content)), place
    with pytest.raises(ImageError, match="is empty and not an image"):
        decode_gray(b"")
    assert capfd.readouterr().err == ""


def decodes(content: bytes) -> bool:
    try:
        decode_gray(content)
    except ImageError:
        return False
    return True


def test_an_incomplete_jpeg_is_good_as_far_as_it_decodes(capfd):
    for options in ({}, {"progressive": True}):
        content = photo("JPEG", quality=95, **options)
        whole = decode_gray(content).astype(int)
        for missing in (1, 2, 20):
            part = decode_gray(content[:-missing]).astype(int)
            assert np.abs(part[:8] - whole[:8]).max() <= 6, (options, missing)
        for end in (2, 20, 200):  # nothing of the image itself
            assert not decodes(content[:end]), (options, end)
    noise = noise_file(1, ".jpg")
    half = decode_gray(noise[: len(noise) // 2])
    np.testing.assert_array_equal(half[:16], decode_gray(noise)[:16])
    assert capfd.readouterr().err == ""


def png(width: int, height: int, bits: int = 8) -> bytes:
    """A PNG of one color, which is small however many pixels it has."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    packer = zlib.compressobj(9)
    row = bytes(1 + width * bits // 8)
    body = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def with_size(content: bytes, place: int, form: str, *size: int) -> bytes:
    """Return an image file with another size in its header."""
    changed = bytearray(content)
    struct.pack_into(form, changed, place, *size)
    return bytes(changed)


def bombs() -> dict[str, bytes]:
    """Small files whose headers declare more than 100 megapixels, by format."""
    jpeg, bmp, gif = photo("JPEG"), encode(0, suffix=".bmp"), photo("GIF")
    frame = next(m.start() for m in re.finditer(b"\xff\xc0", jpeg))
    pam = b"P7\nWIDTH 20000\nHEIGHT 20000\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n"
    avif, heif, jp2 = (bytearray(photo(kind)) for kind in ("AVIF", "HEIF", "JPEG2000"))
    for content in (avif, heif):
        for found in list(re.finditer(b"ispe", content)):
            struct.pack_into(">II", content, found.end() + 4, 15000, 15000)
    struct.pack_into(">II", jp2, jp2.index(b"ihdr") + 4, 20000, 20000)
    struct.pack_into(">II", jp2, jp2.index(b"\xff\x51") + 6, 20000, 20000)
    return {
        "PNG": png(32767, 32767),
        "PNG of 16 bits": png(14000, 14000, 16),
        "JPEG": with_size(jpeg, frame + 5, ">HH", 60000, 60000),
        "GIF": with_size(gif, 6, "<HH", 60000, 60000),
        "BMP": with_size(bmp, 18, "<ii", 20000, 20000),
        "TIFF": photo_of_size("TIFF"),
        "TIFF of floats": float_tiff(12000, 12000),
        "WebP": photo_of_size("WEBP"),
        "AVIF": bytes(avif),
        "HEIC": bytes(heif),
        "JPEG 2000": bytes(jp2),
        "PGM": b"P5 20000 20000 255\n",
        "PAM": pam,
        "HDR": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 20000 +X 20000\n",
    }


def photo_of_size(kind: str) -> bytes:
    file = io.BytesIO()
    options = {"TIFF": {"compression": "tiff_deflate"}, "WEBP": {"quality": 1, "method": 0}}
    Image.new("L", (12000, 12000)).save(file, kind, **options[kind])
    return file.getvalue()


def float_tiff(width: int, height: int) -> bytes:
    """A TIFF of one strip of three float channels, which Pillow does not open."""
    tags = (
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 32), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 8), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, 100), (339, 3, 1, 3),
    )  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(100)


@pytest.mark.slow
def test_an_image_of_too_many_pixels_is_refused_by_its_header(tmp_path):
    """In a process that may take 1.5 GB more than it has; OpenCV's limit is read at its start."""
    files = bombs()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    script = """
import resource, sys
from pathlib import Path
from pipeline.data.images import ImageError, decode_color, decode_gray
import psutil
before = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (before + 3 * 2**29, before + 3 * 2**29))
for path in sorted(Path(sys.argv[1]).iterdir()):
    for decode in (decode_gray, decode_color):
        try:
            decode(path.read_bytes())
            print(path.name, "decoded")
        except ImageError as error:
            print(path.name, error)
status = Path("/proc/self/status")
print("peak", status.read_text().split("VmHWM:")[1].split()[0] if status.exists() else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True
    )
    *lines, peak = done.stdout.splitlines()
    assert done.returncode == 0 and done.stderr == "", done
    assert len(lines) == 2 * len(files)
    for line in lines:
        unknown = line.startswith(("HEIC", "PAM", "TIFF of"))  # refused by what decodes them
        sentence = "not an image" if unknown else "pixels, more than the 100 megapixels"
        assert sentence in line
    assert int(peak.split()[1]) < 400 * 1024


def test_a_large_image_of_16_bits_takes_little_more_than_itself():
    content = cv2.imencode(".png", np.full((3000, 3000), 65535, np.uint16))[1].tobytes()
    tracemalloc.start()
    gray = decode_gray(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (gray == 255).all() and peak < 4 * gray.nbytes


def test_any_size_becomes_a_face_by_the_mean_of_each_area():
    for shape in ((1, 1), (1, 900), (900, 1), (48, 48), (47, 49), (3000, 2000)):
        face = to_face(np.full(shape, 9, np.uint8))
        assert face.shape == (48, 48) and face.dtype == np.uint8 and (face == 9).all(), shape
    gray = np.random.default_rng(0).integers(0, 256, (96, 144), dtype=np.uint8)
    means = gray.reshape(48, 2, 48, 3).mean((1, 3))
    assert np.abs(to_face(gray) - means).max() <= 0.5
