"""Recognition in a video file."""
