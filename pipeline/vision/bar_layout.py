"""Where the probability bars of each face go on an image, so that none cover another's."""

from collections.abc import Iterator, Sequence

from pipeline.vision.boxes import Box, intersection

_GAP = 4


def place_panels(
    faces: Sequence[Box],
    labels: Sequence[Box],
    panels: Sequence[tuple[int, int]],
    image: tuple[int, int],
) -> list[Box | None]:
    """Return a place for the panel of each face's bars; two places never overlap.

    Of the places around a face, that is right, left, below and above, the one is taken that covers
    the least of faces, then of labels.

    Args:
        faces: boxes in pixels; those before others choose first.
        labels: of the same faces.
        panels: widths and heights of a panel in pixels; the first that covers as little is taken.
        image: width and height of the image in pixels; panels lie within it if they fit.

    Returns:
        None for a face whose panel would overlap another one wherever it is put.
    """
    placed: list[Box | None] = []
    for face, label in zip(faces, labels, strict=True):
        taken = [box for box in placed if box is not None]
        around = (box for panel in panels for box in _around(face, label, panel, image))
        free = [box for box in around if not _covered(box, taken)]
        placed.append(
            min(free, key=lambda box: (_covered(box, faces), _covered(box, labels)), default=None)
        )
    return placed


def _covered(box: Box, others: Sequence[Box]) -> float:
    """Return how much a box covers of others, as a share of its own area."""
    return sum(intersection(box, other) for other in others) / (box.width * box.height)


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
