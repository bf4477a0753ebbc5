"""A real face on a plain ground, the shipped model, and detectors and models that obey."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.labels import EMOTIONS
from pipeline.runs import find_model
from pipeline.vision.faces import Box
from pipeline.vision.live import LiveProcessor
from pipeline.vision.reader import ShownFace
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.snapshot import LiveSettings, Snapshot

FAST = LiveSettings(recognitions_per_s=200, smoothing_s=0)


class CountingRecognizer(Recognizer):
    """The shipped model, which remembers how many faces each batch had."""

    batches: list[int]

    def share(self) -> Self:
        other = super().share()
        other.batches = self.batches
        return other

    def predict(self, faces: np.ndarray) -> np.ndarray:
        self.batches.append(len(faces))
        return super().predict(faces)


class Saying(Recognizer):
    """A model that says of every face what it is told to."""

    def __init__(self, **leading: float) -> None:
        self.says = shares(**leading)

    def share(self) -> Self:
        return self

    def same_model(self, other: Recognizer) -> bool:
        return self is other

    def predict(self, faces: np.ndarray) -> np.ndarray:
        return np.tile(self.says, (len(faces), 1))

    def explain(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        maps = np.tile(np.arange(len(EMOTIONS), dtype=np.float32), (len(faces), 6, 6, 1))
        return self.predict(faces), maps

    def calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities


class ObedientDetector:
    """Finds what it is told to; breaks, fails or hangs on request.

    Each test has a subclass of its own, whose attributes are what is asked of it.
    """

    boxes: list[Box]
    breaks = fails = False
    made: list[int]
    made_in: list[int]
    began: list[np.ndarray]
    ended: list[np.ndarray]
    gates: list[threading.Event]
    waiting: list[threading.Event]

    def __init__(self, smallest: int) -> None:
        self.made.append(smallest)
        self.made_in.append(threading.get_ident())
        if self.breaks:
            raise RuntimeError("the cascade is gone")
        self.smallest = smallest

    def detect(self, gray: np.ndarray) -> list[Box]:
        boxes, gate = self.boxes, self.gates[-1]
        self.began.append(gray.copy())
        if not gate.is_set():
            self.waiting.append(gate)
            gate.wait(60)
            self.waiting.remove(gate)
        self.ended.append(gray)
        if self.fails:
            raise RuntimeError("the cascade is blind")
        return [box if box.width else box._replace(width=self.smallest) for box in boxes]

    @classmethod
    def hang(cls) -> threading.Event:
        """Let all looks from now on hang until the event is set."""
        cls.gates.append(threading.Event())
        return cls.gates[-1]

    @classmethod
    def go_on(cls) -> None:
        """Let no further look hang; those that do still do."""
        cls.hang().set()

    @classmethod
    def release(cls) -> None:
        """Let no look hang any more."""
        for gate in cls.gates:
            gate.set()

    @classmethod
    def hanging(cls) -> int:
        """How many looks hang."""
        return len(cls.waiting)


def make_detector(*boxes: Box) -> type[ObedientDetector]:
    """Return a detector that finds these; one of no width is as wide as the smallest face."""
    lists = {name: [] for name in ("made", "made_in", "began", "ended", "gates", "waiting")}
    kind = type("Detector", (ObedientDetector,), {"boxes": list(boxes), **lists})
    kind.go_on()
    return kind


def shares(**leading: float) -> np.ndarray:
    """Return probabilities, float32 (7,): the given ones, and what is left spread evenly."""
    rest = (1 - sum(leading.values())) / (len(EMOTIONS) - len(leading))
    return np.float32([leading.get(name, rest) for name in EMOTIONS])


def shown_face(number: int = 1, **changes) -> ShownFace:
    """Return a happy face; changes replace its other fields."""
    happy = {
        "box": Box(200, 150, 120, 120),
        "emotion": "happy",
        "probabilities": shares(happy=0.76),
        "confidence": 0.76,
        "picture": np.zeros((48, 48), np.uint8),
    }
    return ShownFace(number, **happy | changes)


def plain(height: int = 480, width: int = 640) -> np.ndarray:
    """Return a grey frame."""
    return np.full((height, width, 3), 90, np.uint8)


def textured(height: int = 480, width: int = 640) -> np.ndarray:
    """Return a frame full of detail, on which nothing looks like a drawn line."""
    rng = np.random.default_rng(5)
    return rng.integers(60, 200, (height, width, 3), dtype=np.uint8)


def workers() -> set[threading.Thread]:
    """Return the threads that look at frames."""
    return {thread for thread in threading.enumerate() if thread.name == "live"}


def until(happens: Callable[[], object], within_s: float = 30.0) -> bool:
    """Wait until something happens; tell whether it did."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if happens():
            return True
        time.sleep(0.005)
    return bool(happens())


def feed_until(
    processor: LiveProcessor,
    happens: Callable[[Snapshot], object],
    frame: Callable[[], np.ndarray] = plain,
) -> bool:
    """Process frames until the snapshot is as wanted; tell whether it became so."""

    def step() -> bool:
        processor.process(frame())
        return bool(happens(processor.snapshot()))

    return until(step)


@pytest.fixture
def detector() -> Iterator[type[ObedientDetector]]:
    """A detector that finds one face, as wide as the smallest that is looked for."""
    kind = make_detector(Box(100, 100, 0, 100))
    yield kind
    kind.release()


@pytest.fixture
def saying() -> Saying:
    return Saying(happy=0.76)


@pytest.fixture
def processor(saying, detector) -> Iterator[LiveProcessor]:
    """A processor that looks as often as it can; its threads must end with it."""
    processor = LiveProcessor(saying, FAST, detectors={"haar": detector})
    yield processor
    processor.stop()
    detector.release()
    assert until(lambda: not workers())


@pytest.fixture
def recognizer() -> CountingRecognizer:
    recognizer = CountingRecognizer.load(find_model("custom_cnn"), "f32", threads=1)
    recognizer.batches = []
    return recognizer


@pytest.fixture(scope="session")
def face_frame() -> np.ndarray:
    """640x480 BGR with one face, about 100 pixels wide around (314, 184)."""
    frame = np.full((480, 640, 3), 90, np.uint8)
    portrait = skimage.data.astronaut()[:300, 80:380]
    frame[70:370, 170:470] = cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR)
    frame.flags.writeable = False
    return frame


@pytest.fixture(scope="session")
def two_faces_frame(face_frame) -> np.ndarray:
    """1280x480 BGR with the face twice."""
    return np.hstack([face_frame, face_frame])
