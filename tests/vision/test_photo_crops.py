from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.data import sample
from pipeline.data.import_options import NoFace
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.vision.photo import PhotoDetector, detect_faces
from pipeline.vision.photo_crops import crop_examples, face_cropper
from tests.data.source_makers import WRITERS, image_file, write_folder


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """A gray photo, uint8 (512, 512), with one face of about 112 pixels."""
    return cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)


def png(gray: np.ndarray) -> bytes:
    return cv2.imencode(".png", gray)[1].tobytes()


def crops(side: int, n: int) -> list[np.ndarray]:
    """Synthetic faces that fill images of a size."""
    rng = np.random.default_rng(5)
    return [cv2.resize(sample.draw_face(EMOTIONS[i % 7], rng), (side, side)) for i in range(n)]


def test_a_photo_is_cropped_as_predict_crops_it(tmp_path, portrait):
    crop = face_cropper(tmp_path, "auto")
    scene = cv2.copyMakeBorder(portrait, 200, 100, 300, 50, cv2.BORDER_CONSTANT, value=90)
    for photo in (portrait, scene, scene[100:, 100:]):
        found = detect_faces(photo, PhotoDetector())
        assert len(found.boxes) == 1 and not found.cropped
        np.testing.assert_array_equal(crop(photo), found.crops[0])


def test_no_face_or_several_are_said_and_the_largest_is_taken_on_request(tmp_path, portrait):
    small = cv2.resize(portrait, (384, 384), interpolation=cv2.INTER_AREA)
    two = np.full((512, 900), 90, np.uint8)
    two[:, :512], two[:384, 512:896] = portrait, small
    with pytest.raises(NoFace, match="holds 2 faces"):
        face_cropper(tmp_path, "auto")(two)
    taken = face_cropper(tmp_path, "auto", largest=True)(two)
    np.testing.assert_array_equal(taken, detect_faces(two, PhotoDetector()).crops[0])
    (tmp_path / "a.png").write_bytes(png(np.full((300, 300), 90, np.uint8)))
    for faces in ("auto", "crop"):
        with pytest.raises(NoFace, match="holds no face"):
            face_cropper(tmp_path, faces, largest=True)(np.full((300, 300), 90, np.uint8))


def test_small_images_and_face_crops_stay_whole_unless_all_are_cropped(tmp_path, portrait):
    tight = portrait[58:170, 168:280]
    for image in (
        cv2.resize(tight, (48, 48), interpolation=cv2.INTER_AREA),
        np.full((96, 300), 90, np.uint8),
        cv2.resize(tight, (224, 224)),
        cv2.resize(portrait[46:182, 156:292], (100, 100), interpolation=cv2.INTER_AREA),
    ):
        whole = cv2.resize(image, (48, 48), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(face_cropper(tmp_path, "auto")(image), whole)
    assert face_cropper(tmp_path, "as-is") is None
    wide = portrait[46:182, 156:292]
    assert (face_cropper(tmp_path, "crop")(wide) != cv2.resize(wide, (48, 48))).any()
    with pytest.raises(UserError, match="Choose from: auto, crop, as-is"):
        face_cropper(tmp_path, "none")


def test_in_a_source_of_face_crops_those_without_a_found_face_stay_whole(tmp_path):
    images = {f"{i}.png": png(image) for i, image in enumerate(crops(224, 12))}
    unseen = np.random.default_rng(0).integers(0, 256, (224, 224), dtype=np.uint8)
    of_crops = write_folder(tmp_path / "crops", images | {"unseen.png": png(unseen)})
    of_photos = write_folder(tmp_path / "photos", {"0.png": images["0.png"]})
    write_folder(of_photos, {f"{i}.png": png(np.roll(unseen, i)) for i in range(1, 4)})
    assert face_cropper(of_crops, "auto")(unseen).shape == (48, 48)
    with pytest.raises(NoFace):
        face_cropper(of_photos, "auto")(unseen)
    with pytest.raises(NoFace):
        face_cropper(of_crops, "auto")(np.zeros((200, 600), np.uint8))  # not the shape of a crop
    of_table = face_cropper(Path(__file__), "auto")
    assert of_table(unseen).shape == (48, 48)
    with pytest.raises(NoFace):
        of_table(np.pad(unseen, 20))


@pytest.mark.slow
def test_examples_show_photos_before_and_after_their_crop(tmp_path, portrait):
    plain = np.full((300, 400), 90, np.uint8)
    files = {f"happy/{i:02}.png": png(portrait) for i in range(20)}
    files |= {"sad/plain.png": png(plain), "sad/bad.png": b"no image", "notes.txt": b"note"}
    files |= {"sad/small.png": image_file()}
    for ending, write in WRITERS.items():
        source = write(tmp_path / ending, files)
        crop = face_cropper(source, "auto")
        examples = crop_examples(source, crop)
        assert 9 <= len(examples) <= 12 and len({each.name for each in examples}) == len(examples)
        for example in examples:
            assert max(example.photo_bgr.shape) == 480 if "happy" in example.name else 400
            if example.problem:
                assert example.face_gray is None and "plain" in example.name
                continue
            np.testing.assert_array_equal(example.face_gray, crop(portrait))
            plain_bgr = cv2.resize(cv2.merge([portrait] * 3), (480, 480), interpolation=3)
            assert 0 < (example.photo_bgr != plain_bgr).any(axis=2).mean() < 0.05
    everything = crop_examples(source, crop, limit=100)
    assert len(everything) == 21 and [e.problem for e in everything if e.problem]
    assert crop_examples(Path(__file__), crop) == []
