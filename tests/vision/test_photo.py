import cv2
import numpy as np
import pytest

from pipeline.data.pictures import decode_colour
from pipeline.errors import UserError
from pipeline.vision.faces import Box, HaarDetector
from pipeline.vision.photo import find_faces, photo_detector, recognise_file


@pytest.fixture
def photo(tmp_path, two_faces_frame):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), two_faces_frame)
    return path


def test_all_faces_of_a_photo_are_recognised_in_one_batch(two_faces_frame, recognizer):
    faces = find_faces(two_faces_frame, HaarDetector(), recognizer)
    assert [face.emotion for face in faces] == ["happy", "happy"]
    assert recognizer.batches == [2]


def test_a_photo_file_gives_the_same_faces_as_its_pixels(photo, two_faces_frame, recognizer):
    from_file = recognise_file(photo, recognizer, cropped=False)
    from_pixels = find_faces(two_faces_frame, photo_detector(480, 1280), recognizer)
    assert [face.box for face in from_file] == [face.box for face in from_pixels]
    for one, other in zip(from_file, from_pixels, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_a_cropped_picture_is_one_face_as_large_as_itself(photo, recognizer):
    (face,) = recognise_file(photo, recognizer, cropped=True)
    assert face.box == Box(0, 0, 1280, 480)
    assert face.probabilities.shape == (7,)
    assert face.probabilities.dtype == np.float32


def test_a_photo_without_faces_gives_none(tmp_path, recognizer):
    cv2.imwrite(str(tmp_path / "plain.png"), np.full((300, 300, 3), 90, np.uint8))
    assert recognise_file(tmp_path / "plain.png", recognizer, cropped=False) == []
    assert recognizer.batches == []


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_picture_is_named(tmp_path, recognizer, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match="broken.png is not a picture"):
        recognise_file(path, recognizer, cropped=False)
    assert decode_colour(content) is None


def test_a_missing_file_is_named(tmp_path, recognizer):
    with pytest.raises(UserError, match="missing.png cannot be read: No such file"):
        recognise_file(tmp_path / "missing.png", recognizer, cropped=False)
