"""Data sets, training, evaluation and recognition, without a user interface."""

import os

# Read by OpenCV as it is loaded: it refuses an image of more pixels by its header.
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = "100000000"
