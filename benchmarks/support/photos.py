"""Photos of a face between other things."""

from pathlib import Path

import cv2
import numpy as np
import skimage.data


def write_photos(folder: Path, n: int, width: int, height: int) -> list[Path]:
    """Write JPEGs with a face of another size at another place in each."""
    rng = np.random.default_rng(0)
    portrait = cv2.cvtColor(skimage.data.astronaut()[:400], cv2.COLOR_RGB2BGR)
    folder.mkdir()
    for number in range(n):
        scale = height / 1000 * rng.uniform(0.8, 1.8)
        face = cv2.resize(portrait, None, fx=scale, fy=scale)
        x, y = (
            int(rng.integers(0, a - b))
            for a, b in ((width, face.shape[1]), (height, face.shape[0]))
        )
        photo = rng.normal(110, 9, (height, width, 3))
        photo[y : y + face.shape[0], x : x + face.shape[1]] = face
        cv2.imwrite(str(folder / f"{number:04}.jpg"), photo.clip(0, 255).astype(np.uint8))
    return sorted(folder.iterdir())


def repeat_photos(folder: Path, photos: list[Path], n: int) -> Path:
    """Fill a new folder with names of photos, each many times; return it."""
    folder.mkdir()
    for number in range(n):
        (folder / f"{number:06}.jpg").hardlink_to(photos[number % len(photos)])
    return folder
