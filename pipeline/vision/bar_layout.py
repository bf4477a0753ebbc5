"""Where the probability bars of each face go on an image, so that none cover another's."""

from collections.abc import Iterator, Sequence
from math import inf

from pipeline.vision.boxes import Box, intersection

_GAP = 4
_OWN_FACE_COST = 0.5


def place_panels(
    faces: Sequence[Box],
    labels: Sequence[Box],
    panel: tuple[int, int],
    image: tuple[int, int],
) -> list[Box | None]:
    """Return a place for the panel of each face's bars; two places never overlap.

    Of the places around a face, that is right, left, below and above, the one is taken that covers
    the least of faces and labels.

    Args:
        faces: boxes in pixels; those before others choose first.
        labels: of the same faces.
        panel: width and height of a panel in pixels.
        image: width and height of the image in pixels; panels lie within it if they fit.

    Returns:
        None for a face whose panel would overlap another one wherever it is put.
    """
    placed: list[Box | None] = []
    for i, face in enumerate(faces):
        taken = [box for box in placed if box is not None]
        obstacles = [*labels, *(other for k, other in enumerate(faces) if k != i)]
        best, least = None, inf
        for box in _around(face, labels[i], panel, image):
            if any(intersection(box, other) for other in taken):
                continue
            covered = sum(intersection(box, other) for other in obstacles)
            cost = covered + _OWN_FACE_COST * intersection(box, face)
            if cost < least:
                best, least = box, cost
            if not cost:
                break
        placed.append(best)
    return placed


def _around(face: Box, label: Box, panel: tuple[int, int], image: tuple[int, int]) -> Iterator[Box]:
    """Yield places around a face and its label, moved into the image, the best ones first."""
    width, height = panel
    right, left = face.x + face.width + _GAP, face.x - width - _GAP
    below, bottom = face.y + face.height + _GAP, face.y + face.height - height
    above, under_label = min(face.y, label.y) - height - _GAP, label.y + label.height
    corners = [(x, y) for y in (face.y, under_label, bottom) for x in (right, left)]
    corners += [(x, y) for y in (below, above) for x in (face.x, face.x + face.width - width)]
    for x, y in corners:
        yield Box(_into(x, width, image[0]), _into(y, height, image[1]), width, height)


def _into(begin: int, length: int, limit: int) -> int:
    return max(0, min(begin, limit - length))
