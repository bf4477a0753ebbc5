"""How long the video waits for `LiveProcessor.recv`, without a browser."""

import sys
import threading
import time
from itertools import islice
from pathlib import Path

import av
import cv2
from webcam.clip import FPS

from pipeline.heaps import limit_heaps
from pipeline.runs import Run
from pipeline.vision.live.processor import LiveProcessor
from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.recognizer import Recognizer


def time_recv(model: Run, clip: Path, seconds: float) -> tuple[list[float], list[float]]:
    """Send a clip's frames at their rate through a processor, mirrored as a front camera's are.

    Returns:
        Of each frame but the first second's the elapsed time, and the processor time of the thread
        that called, both in milliseconds.
    """
    cv2.setNumThreads(1)  # as the page does
    limit_heaps()
    sys.setswitchinterval(0.0005)
    recognizer = Recognizer.load(model, "int8", threads=1)
    processor = LiveProcessor(recognizer, LiveSettings(mirror=True))
    wall_ms: list[float] = []
    cpu_ms: list[float] = []
    with av.open(str(clip), format="mjpeg") as container:
        decoded = islice(container.decode(video=0), round(seconds * FPS))
        frames = [frame.reformat(format="yuv420p") for frame in decoded]
    due = time.perf_counter()
    for frame in frames:
        due += 1 / FPS
        time.sleep(max(0.0, due - time.perf_counter()))
        began, cpu_began = time.perf_counter(), time.thread_time()
        processor.recv(frame)
        wall_ms.append(1000 * (time.perf_counter() - began))
        cpu_ms.append(1000 * (time.thread_time() - cpu_began))
    processor.stop()
    for thread in threading.enumerate():
        if thread.name == "live":
            thread.join()  # a worker that still infers at exit would abort the process
    return wall_ms[FPS:], cpu_ms[FPS:]
