"""Rectangles in a picture, and how two of them lie to each other."""

from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle in pixels of the picture it lies in; x and y are its left upper corner."""

    x: int
    y: int
    width: int
    height: int


def clip(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a box within a picture: a pixel of it at least."""
    left = min(max(box.x, 0), width - 1)
    top = min(max(box.y, 0), height - 1)
    right = min(max(box.x + box.width, left + 1), width)
    bottom = min(max(box.y + box.height, top + 1), height)
    return left, top, right, bottom


def shared(a: Box, b: Box) -> int:
    """Return how many pixels two boxes have in common."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return width * height if width > 0 and height > 0 else 0


def overlap(a: Box, b: Box) -> float:
    """Return the intersection of two boxes over their union, 0 to 1."""
    both = shared(a, b)
    return both / (a.width * a.height + b.width * b.height - both) if both else 0.0


def without_inner(boxes: list[Box], most_inside: float = 0.6) -> list[Box]:
    """Return the boxes, largest first, less those that lie mostly inside a larger one.

    Args:
        boxes: what a detector found.
        most_inside: the share of a box's pixels that may lie in a larger one.
    """
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.width * box.height):
        limit = most_inside * box.width * box.height
        if all(shared(box, larger) <= limit for larger in kept):
            kept.append(box)
    return kept
