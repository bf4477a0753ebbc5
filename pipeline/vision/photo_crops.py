"""Crop the faces out of the photos of a data set, as the photo, video and live paths do."""

import itertools
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import (
    MAX_BYTES,
    SUFFIXES,
    ImageError,
    decode_color,
    decode_gray,
    to_face,
)
from pipeline.data.import_options import NoFace
from pipeline.data.parallel import map_in_order
from pipeline.data.readers import parquet
from pipeline.data.readers.archive import Member, is_tar, members
from pipeline.errors import UserError
from pipeline.vision.boxes import Box
from pipeline.vision.photo import (
    CROPPED_SIDE,
    PhotoDetector,
    PhotoFaces,
    detect_faces,
    is_about_square,
    whole_image,
)

FACES = ("auto", "crop", "as-is")
"""Which images of a data set are cropped: whole photos, all, none."""

_EXAMPLE_SIDE = 480
_SAMPLE = 48
_MAX_CROP_SIDE = 256  # where no sample tells, as in tables


class FaceCropper:
    """Crops the one face out of a photo; may be called in several threads.

    Args:
        source: the file or folder that is imported. If most of its images are face crops already,
            those in which no face is found stay whole, too; in a table, those up to 256 pixels.
        everything: also detect the face of images that are small or a face crop already, which
            otherwise stay whole.
        largest: of several faces take the largest instead of none.
    """

    def __init__(self, source: Path, everything: bool = False, largest: bool = False) -> None:
        self._source, self._everything, self._largest = source, everything, largest
        self._detector = PhotoDetector()
        self._lock = threading.Lock()
        self._max_crop_side: float | None = None

    def __call__(self, gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the face in a gray image (h, w), uint8 (48, 48).

        Raises:
            NoFace: the image holds no face, or several.
        """
        if self.leaves(gray):
            return to_face(gray)
        crop: NDArray[np.uint8] = self.faces_of(gray).crops[0]
        return crop

    def leaves(self, gray: NDArray[np.uint8]) -> bool:
        """Return whether an image is too small for a photo and stays whole."""
        return not self._everything and min(gray.shape) <= CROPPED_SIDE

    def faces_of(self, gray: NDArray[np.uint8]) -> PhotoFaces:
        """Return the faces of a photo (h, w); the first is the one to take.

        Raises:
            NoFace: there is none, or there are several.
        """
        faces = detect_faces(gray, self._detector, whole=not self._everything)
        if not faces.boxes:
            if not self._everything and is_about_square(gray) and self._may_be_crop(gray):
                return whole_image(gray)
            raise NoFace("holds no face that the detector finds")
        if len(faces.boxes) > 1 and not self._largest:
            raise NoFace(f"holds {len(faces.boxes)} faces")
        return faces

    def _may_be_crop(self, gray: NDArray[np.uint8]) -> bool:
        """Return whether an image without a found face is a face crop, by the others there."""
        with self._lock:
            if self._max_crop_side is None:
                self._max_crop_side = self._find_max_crop_side()
        return bool(max(gray.shape) <= self._max_crop_side)

    def _find_max_crop_side(self) -> float:
        cropped = [each for each in self._sample() if each is not None]
        if not cropped:
            return _MAX_CROP_SIDE
        return math.inf if sum(cropped) >= len(cropped) / 2 else 0

    def _sample(self) -> Iterator[bool | None]:
        def is_cropped(content: tuple[str, bytes]) -> bool | None:
            try:
                gray = decode_gray(content[1])
            except ImageError:
                return None
            return None if self.leaves(gray) else detect_faces(gray, self._detector).cropped

        return map_in_order(is_cropped, _contents(self._source, _SAMPLE))


def face_cropper(source: Path, faces: str, largest: bool = False) -> FaceCropper | None:
    """Return what crops the images of a source to import; None if they are taken as they are.

    Args:
        source: a file or folder.
        faces: one of `FACES`.
        largest: of several faces take the largest instead of none.

    Raises:
        UserError: `faces` is unknown.
    """
    if faces not in FACES:
        raise UserError(f"Unknown kind of faces '{faces}'. Choose from: {', '.join(FACES)}.")
    return None if faces == "as-is" else FaceCropper(source, faces == "crop", largest)


@dataclass(frozen=True, eq=False)
class CropExample:
    """A photo of a data set before and after its face is cropped.

    Attributes:
        name: of the file in its source.
        photo_bgr: uint8 (h, w, 3), of at most 480 pixels, with a box around the face.
        face_gray: uint8 (48, 48); None if the photo is skipped.
        problem: why it is skipped; empty if it is not.
    """

    name: str
    photo_bgr: NDArray[np.uint8]
    face_gray: NDArray[np.uint8] | None
    problem: str = ""


def crop_examples(source: Path, crop: FaceCropper, limit: int = 12) -> list[CropExample]:
    """Return examples of the photos of a source and of what is cropped out of them.

    They are spread over a folder or a zip, and are the first of a tar. Images that are too small
    for a photo, or do not decode, are not among them; nor are those of other kinds of sources.

    Args:
        source: a file or folder to import.
        crop: what crops the images of this source.
        limit: how many at most.

    Raises:
        UserError: the source is empty or refused.
        DAMAGED: the archive is truncated or broken.
    """
    examples = map_in_order(lambda content: _example(*content, crop), _contents(source, limit))
    return [example for example in examples if example]


def _contents(source: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of images spread over a source, or of the first of a tar.

    Without an image they are those in its Parquet files.
    """
    step = 1 if is_tar(source) else max(1, sum(map(_is_image, members(source))) // limit)
    images = (member for member in members(source) if _is_image(member))
    has_images = False
    for member in itertools.islice(images, 0, step * limit, step):
        has_images = True
        with member.open() as file:
            yield member.name, file.read()
    if not has_images:
        yield from parquet.encoded_images(source, limit)


def _is_image(member: Member) -> bool:
    suffix = PurePosixPath(member.name).suffix.lower()
    return suffix in SUFFIXES and member.size <= MAX_BYTES


def _example(name: str, content: bytes, crop: FaceCropper) -> CropExample | None:
    try:
        gray = decode_gray(content)
        if crop.leaves(gray):
            return None
        photo_bgr = decode_color(content)
    except ImageError:
        return None
    try:
        faces = crop.faces_of(gray)
    except NoFace as error:
        return CropExample(name, _shrunk(photo_bgr, []), None, str(error))
    return CropExample(name, _shrunk(photo_bgr, faces.boxes[:1]), faces.crops[0])


def _shrunk(photo_bgr: NDArray[np.uint8], boxes: list[Box]) -> NDArray[np.uint8]:
    """Return a photo of at most 480 pixels with boxes drawn."""
    scale = min(1.0, _EXAMPLE_SIDE / max(photo_bgr.shape))
    small = cv2.resize(photo_bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for box in boxes:
        left, top, width, height = (round(scale * value) for value in box)
        cv2.rectangle(small, (left, top), (left + width, top + height), (0, 160, 230), 3)
    return small.astype(np.uint8, copy=False)
