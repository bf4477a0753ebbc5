import io

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.data.pictures import decode_gray, to_face
from tests.data.source_makers import noise


def encode(picture: np.ndarray, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, picture)[1].tobytes()


@pytest.mark.parametrize(
    ("content", "value"),
    [
        pytest.param(encode(np.full((60, 60), 100, np.uint8)), 100, id="grey"),
        pytest.param(encode(np.full((60, 60, 3), 100, np.uint8)), 100, id="colour"),
        pytest.param(encode(np.full((60, 60, 4), 100, np.uint8)), 100, id="alpha"),
        pytest.param(encode(np.full((60, 60), 65535, np.uint16)), 255, id="16 bit, white"),
        pytest.param(encode(np.full((60, 60), 25700, np.uint16)), 100, id="16 bit"),
        pytest.param(encode(np.full((60, 60, 3), 25700, np.uint16)), 100, id="16 bit colour"),
        pytest.param(encode(np.full((60, 60), 0.4, np.float32), ".tiff"), 102, id="float"),
        pytest.param(encode(np.full((60, 60), 9.0, np.float32), ".tiff"), 255, id="float above 1"),
        pytest.param(encode(np.full((60, 60), -1.0, np.float32), ".tiff"), 0, id="float below 0"),
        pytest.param(encode(np.full((60, 60), np.nan, np.float32), ".tiff"), 0, id="not a number"),
        pytest.param(encode(np.full((60, 60), 100, np.uint8), ".jpg"), 100, id="JPEG"),
        pytest.param(encode(np.full((60, 60), 100, np.uint8), ".bmp"), 100, id="BMP"),
        pytest.param(encode(np.full((60, 60), 100, np.uint8), ".pgm"), 100, id="PGM"),
        pytest.param(encode(np.full((60, 60, 3), 100, np.uint8), ".webp"), 100, id="WebP"),
        pytest.param(encode(np.full((60, 60, 3), 255, np.uint8), ".gif"), 255, id="GIF"),
    ],
)
def test_pictures_of_every_kind_become_grey(content, value):
    gray = decode_gray(content)
    assert gray is not None and gray.dtype == np.uint8 and gray.shape == (60, 60)
    assert np.abs(gray.astype(int) - value).max() <= 3


def test_a_picture_is_turned_upright_by_its_exif():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter to the right
    file = io.BytesIO()
    Image.new("L", (40, 20)).save(file, "JPEG", exif=exif)
    gray = decode_gray(file.getvalue())
    assert gray is not None and gray.shape == (40, 20)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp", ".gif", ".pgm"])
@pytest.mark.parametrize("part", [0, 1, 20, 0.5, 0.75, 0.95])
def test_a_cut_picture_is_none_and_nothing_is_printed(suffix, part, capfd):
    content = noise(1, suffix)
    kept = int(part * len(content)) if isinstance(part, float) else part
    assert decode_gray(content[:kept]) is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("place", [20, 100, 1000, -10])
def test_a_png_with_a_wrong_byte_is_none_and_nothing_is_printed(place, capfd):
    content = bytearray(noise(1))
    content[place] ^= 0xFF
    assert decode_gray(bytes(content)) is None
    assert capfd.readouterr().err == ""


def test_a_picture_that_claims_more_pixels_than_opencv_takes_is_none(capfd):
    huge = bytearray(encode(np.zeros((8, 8), np.uint8), ".bmp"))
    huge[18:26] = (60000).to_bytes(4, "little") * 2
    assert decode_gray(bytes(huge)) is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (48, 48), (47, 49), (3000, 2000)])
def test_any_size_becomes_a_face(shape):
    face = to_face(np.full(shape, 9, np.uint8))
    assert face.shape == (48, 48) and face.dtype == np.uint8 and (face == 9).all()


def test_a_face_is_the_mean_of_the_area_each_pixel_covers():
    gray = np.random.default_rng(0).integers(0, 256, (96, 144), dtype=np.uint8)
    means = gray.reshape(48, 2, 48, 3).mean((1, 3))
    assert np.abs(to_face(gray) - means).max() <= 0.5
