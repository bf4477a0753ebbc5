import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.data import images
from pipeline.errors import UserError
from pipeline.vision import photo_files
from pipeline.vision.boxes import Box
from pipeline.vision.photo import PhotoDetector
from pipeline.vision.photo_files import faces_of_files, find_photos, read_photo
from tests.data.source_makers import image_file, write_folder


@pytest.fixture
def folder(tmp_path) -> Path:
    names = ("b.PNG", "a.jfif", "notes.txt", ".hidden.png", "in/c.heic", "in/.d/e.png", "a[1].png")
    return write_folder(tmp_path / "photos", dict.fromkeys(names, b"x"))


def names_of(folder: Path, *paths: str, **options) -> list[str]:
    found, errors = find_photos([folder / path for path in paths], **options)
    assert not errors
    return [path.relative_to(folder).as_posix() for path in found]


def test_folders_and_patterns_stand_for_their_photos_each_once(folder):
    for paths, options, expected in (
        ([""], {}, ["a.jfif", "a[1].png", "b.PNG"]),
        ([""], {"recursive": True}, ["a.jfif", "a[1].png", "b.PNG", "in/c.heic"]),
        (["in", "b.PNG", "", "b.PNG"], {}, ["in/c.heic", "b.PNG", "a.jfif", "a[1].png"]),
        (["*.PNG", "**/*.heic"], {}, ["b.PNG", "in/c.heic"]),
        (["a[1].png"], {}, ["a[1].png"]),
        (["notes.txt", "missing.png"], {}, ["notes.txt", "missing.png"]),
    ):
        assert names_of(folder, *paths, **options) == expected, paths


def test_a_folder_or_a_pattern_without_photos_is_one_sentence(folder):
    (folder / "empty" / "in").mkdir(parents=True)
    found, errors = find_photos([folder / "empty", folder / "*.bmp", folder / "b.PNG"])
    assert found == [folder / "b.PNG"]
    assert "empty holds no image; --recursive also takes" in str(errors[0])
    assert "*.bmp matches no file" in str(errors[1])


def test_faces_come_in_the_order_of_the_files_and_errors_in_their_place(
    tmp_path, two_faces_frame, face_frame
):
    files = [tmp_path / f"{number}.png" for number in range(6)]
    for file, image in zip(files, (two_faces_frame, face_frame) * 3, strict=True):
        cv2.imwrite(str(file), image)
    files[2].write_bytes(b"no image")
    files[4].write_bytes(b"")

    found = list(faces_of_files(files, PhotoDetector()))

    assert [str(each) for each in found if isinstance(each, UserError)] == [
        f"{files[2]} is not an image that can be decoded.",
        f"{files[4]} is empty and not an image that can be decoded.",
    ]
    assert [len(each.boxes) for each in found if not isinstance(each, UserError)] == [2, 1, 1, 1]


def test_a_cropped_image_is_one_face_as_large_as_itself(tmp_path):
    (tmp_path / "a.png").write_bytes(image_file(9))
    (faces,) = faces_of_files([tmp_path / "a.png"], PhotoDetector(), cropped=True)
    assert faces.cropped and faces.boxes == [Box(0, 0, 48, 48)] and (faces.crops == 9).all()


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")  # reading it would wait forever
    (tmp_path / "large.png").write_bytes(bytes(2 * 1024**2))
    monkeypatch.setattr(photo_files, "MAX_BYTES", 1024**2)
    assert images.MAX_BYTES == 64 * 1024**2
    for name, reason in (
        ("missing.png", "cannot be read: No such file"),
        ("pipe.png", "is not a regular file"),
        ("large.png", "has 2 MB, more than the 1 MB that are read of a photo"),
    ):
        with pytest.raises(UserError, match=f"{name} {reason}"):
            read_photo(tmp_path / name)


def test_a_photo_gives_the_faces_of_its_gray_pixels(tmp_path, two_faces_frame):
    cv2.imwrite(str(tmp_path / "photo.png"), two_faces_frame)
    (faces,) = faces_of_files([tmp_path / "photo.png"], PhotoDetector())
    gray = cv2.imread(str(tmp_path / "photo.png"), cv2.IMREAD_GRAYSCALE)
    assert faces.boxes == PhotoDetector().detect(np.asarray(gray))
