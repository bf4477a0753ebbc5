import cv2
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.vision.faces import Box, HaarDetector
from pipeline.vision.photo import decode_colour, find_faces, recognise_file


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
    from_file = {face.box for face in recognise_file(photo, recognizer, cropped=False)}
    assert len(from_file) == 2
    assert any(box.x > 640 for box in from_file)


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
    assert decode_colour(content, 1280) is None


def test_a_missing_file_is_named(tmp_path, recognizer):
    with pytest.raises(UserError, match="missing.png cannot be read: No such file"):
        recognise_file(tmp_path / "missing.png", recognizer, cropped=False)


def test_a_large_photo_is_shrunk_when_it_is_decoded(photo):
    assert decode_colour(photo.read_bytes(), 640).shape == (240, 640, 3)
    assert decode_colour(photo.read_bytes(), 5000).shape == (480, 1280, 3)
