"""What a viewer of the Live page sees, in a real browser on the server's cores.

Run: python benchmarks/live.py [stream] [faces] [viewers] [cycles] [killed] [soak]
     without a word, all but soak, in about ten minutes; soak takes ten more

A film of a real face is the webcam; a strip in it numbers its frames, so that pictures that are new
are told from those shown again, and the time of each from the camera's preview to the picture that
comes back is known. Claims, on 2 cores that do nothing else, with an untrained ResNet50V2 at 224 px
in int8:
- stream: against a page that only passes frames through, by turns, at least 95 % of its new frames
  a second and at most 1.1 times its 95th percentile of the latency, at 15 or more recognitions a
  second; flat over a minute; the dashboard takes at most 450 MB. Beside it, without a claim, a page
  whose video waits for OpenCV's cascade and `model.predict`.
- faces: with four faces at least 10 recognitions a second.
- viewers: two at once keep 20 new frames a second each.
- cycles: fifty times START and STOP leave no threads or files, and at most 50 MB.
- killed: a killed browser's worker is gone within 40 s.
- soak: in ten minutes neither memory (50 MB) nor threads grow.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from evaluation import write_faces
from playwright.sync_api import Browser
from webcam.clip import FOUR_FACES, ONE_FACE, write_clip
from webcam.served import Server, serve
from webcam.viewer import Viewer, Watched, chromium, opened, together, watching

from pipeline.runs import list_runs
from pipeline.workspace import PROJECT

NAME = "benchmark"
NETWORK = "--architecture resnet50v2 --weights none --input-size 224 --epochs 1 --batch-size 32"
FACES = 128
ROUNDS, TURN_S = 6, 10
MINUTE_S, THIRD_S = 60, 20
LEAST_SHARE, MOST_LATENCY = 0.95, 1.1
LEAST_RECOGNITIONS, LEAST_RECOGNITIONS_OF_FOUR = 15.0, 10.0
MOST_MEGABYTES, MOST_GROWTH = 450, 50
LEAST_NEW_PER_VIEWER = 20.0
CYCLES = 50
MOST_SECONDS_AFTER_KILL = 40
SOAK_MINUTES = 10
PAGES = Path(__file__).parent / "webcam" / "pages"
