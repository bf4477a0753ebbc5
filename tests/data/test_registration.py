import cv2
import numpy as np

from pipeline.data.duplicates import MAX_DISPLACEMENT_PX
from pipeline.data.registration import displacements
from pipeline.data.sample import draw_face
from pipeline.labels import EMOTIONS
from tests.data.dataset_makers import checks, noise


def faces(n: int, emotion=None, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([draw_face(emotion or EMOTIONS[i % 7], rng) for i in range(n)])


def compressed(image, quality: int):
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)


def cropped(image, left, top, right, bottom):
    return cv2.resize(image[top : 48 - bottom, left : 48 - right], (48, 48))


def marked(image):
    return cv2.putText(image.copy(), "ab", (14, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255)


VERSIONS = {
    "itself": lambda image: image,
    "a crop by 1 to 4 pixels": lambda image: cropped(image, 1, 3, 4, 2),
    "a crop on one side": lambda image: cropped(image, 3, 0, 0, 0),
    "less contrast": lambda image: image // 2 + 60,
    "a mark": marked,
    "JPEG": lambda image: compressed(image, 40),
    "all of it": lambda image: compressed(cropped(marked(image), 2, 1, 0, 2) // 2 + 60, 75),
}


def test_the_details_of_two_versions_of_an_image_coincide():
    originals = faces(21)
    for name, change in VERSIONS.items():
        changed = np.stack([change(image) for image in originals])
        for first, second in ((originals, changed), (changed, originals)):
            distances = displacements(first, second)
            assert np.mean(distances <= MAX_DISPLACEMENT_PX) > 0.9, name


def test_those_of_two_faces_drawn_alike_do_not():
    for emotion in EMOTIONS:
        drawn = faces(40, emotion)
        assert (displacements(drawn[:-1], drawn[1:]) > MAX_DISPLACEMENT_PX).all(), emotion


def test_images_without_anything_in_common_have_a_displacement_too():
    images = np.stack([noise(0), noise(1), checks(20), np.zeros((48, 48), np.uint8), *faces(3)])
    pairs = np.argwhere(~np.eye(len(images), dtype=bool))
    distances = displacements(*images[pairs.T])
    assert (distances > MAX_DISPLACEMENT_PX).all()
    assert displacements(images[:0], images[:0]).shape == (0,)
