"""Recognition on a live video."""
