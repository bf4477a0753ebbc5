"""A real face on a plain background, the bundled model, and stubs of detector and recognizer."""

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
from pipeline.vision.boxes import Box
from pipeline.vision.detectors import DETECTORS, Detector
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.live.processor import LiveProcessor
from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.live.snapshot import Snapshot
from pipeline.vision.recognizer import Recognizer

FAST = LiveSettings(recognitions_per_s=200, smoothing_s=0)


class CountingRecognizer(Recognizer):
    """The bundled model, which also lists the sizes of its batches."""

    batches: list[int]

    def share(self) -> Self:
        other = super().share()
        other.batches = self.batches
        return other

    def predict(self, faces: np.ndarray) -> np.ndarray:
        self.batches.append(len(faces))
        return super().predict(faces)


class StubRecognizer(Recognizer):
    """Predicts `output`, float32 (7,), for every face."""

    def __init__(self, **given: float) -> None:
        self.output = probabilities(**given)

    def share(self) -> Self:
        return self

    def same_model(self, other: Recognizer) -> bool:
        return self is other

    def predict(self, faces: np.ndarray) -> np.ndarray:
        return np.tile(self.output, (len(faces), 1))

    def explain(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        maps = np.tile(np.arange(len(EMOTIONS), dtype=np.float32), (len(faces), 6, 6, 1))
        return self.predict(faces), maps

    def calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities


class StubDetector(Detector):
    """Finds given boxes; fails in `__init__` or `detect`, or hangs, on request.

    Each test has a subclass of its own, whose class attributes are set by the test.
    """

    boxes: list[Box]
    fails_in: str | None = None
    smallest_faces: list[int]
    created_in: list[int]
    started: list[np.ndarray]
    finished: list[np.ndarray]
    gates: list[threading.Event]
    hanging: list[threading.Event]

    def __init__(self, smallest_face: int) -> None:
        super().__init__(smallest_face)
        self.smallest_faces.append(smallest_face)
        self.created_in.append(threading.get_ident())
        if self.fails_in == "__init__":
            raise RuntimeError("the cascade is missing")

    def detect(self, gray: np.ndarray) -> list[Box]:
        boxes, gate = self.boxes, self.gates[-1]
        self.started.append(gray.copy())
        if not gate.is_set():
            self.hanging.append(gate)
            gate.wait(60)
            self.hanging.remove(gate)
        self.finished.append(gray)
        if self.fails_in == "detect":
            raise RuntimeError("the cascade is broken")
        return [box if box.width else box._replace(width=self.smallest_face) for box in boxes]

    @classmethod
    def hang(cls) -> threading.Event:
        """Let all detections from now on hang until the event is set."""
        cls.gates.append(threading.Event())
        return cls.gates[-1]

    @classmethod
    def resume(cls) -> None:
        """Let no further detection hang; those that hang continue to."""
        cls.hang().set()

    @classmethod
    def release(cls) -> None:
        """Let no detection hang."""
        for gate in cls.gates:
            gate.set()


def make_detector(*boxes: Box) -> type[StubDetector]:
    """Return a detector that finds these; one of width 0 is as wide as the smallest face."""
    lists = ("smallest_faces", "created_in", "started", "finished", "gates", "hanging")
    kind = type("Stub", (StubDetector,), {"boxes": list(boxes), **{name: [] for name in lists}})
    kind.resume()
    return kind


def probabilities(**given: float) -> np.ndarray:
    """Return float32 (7,): the given ones, and the rest spread evenly."""
    rest = (1 - sum(given.values())) / (len(EMOTIONS) - len(given))
    return np.float32([given.get(name, rest) for name in EMOTIONS])


def face_prediction(track_id: int = 1, **changes) -> FacePrediction:
    """Return a listed, happy face; changes replace its other fields.

    `confidence` is that of the most probable emotion, whose others are even.
    """
    confidence = changes.pop("confidence", 0.76)
    happy = {
        "box": Box(200, 150, 120, 120),
        "label": "happy",
        "confidences": probabilities(happy=confidence),
        "probabilities": probabilities(happy=0.76),
        "number": track_id,
        "face_gray": np.zeros((48, 48), np.uint8),
    }
    return FacePrediction(track_id, **happy | changes)


def plain(height: int = 480, width: int = 640) -> np.ndarray:
    """Return a gray frame."""
    return np.full((height, width, 3), 90, np.uint8)


def textured(height: int = 480, width: int = 640) -> np.ndarray:
    """Return a frame full of detail, on which nothing looks like a drawn line."""
    return np.random.default_rng(5).integers(60, 200, (height, width, 3), dtype=np.uint8)


def workers() -> set[threading.Thread]:
    """Return the worker threads that are alive."""
    return {thread for thread in threading.enumerate() if thread.name == "live"}


def until(condition: Callable[[], object], within_s: float = 30.0) -> bool:
    """Wait until a condition holds; return whether it does."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return bool(condition())


def feed_until(
    processor: LiveProcessor,
    condition: Callable[[Snapshot], object],
    frame: Callable[[], np.ndarray] = plain,
) -> bool:
    """Process frames until a condition holds for the snapshot; return whether it does."""

    def step() -> bool:
        processor.process(frame())
        return bool(condition(processor.snapshot()))

    return until(step)


def run_threads(*targets: Callable[[], object]) -> None:
    """Run functions in parallel, started at one moment; raise what one of them raised."""
    start, errors = threading.Barrier(len(targets)), []

    def run(target: Callable[[], object]) -> None:
        start.wait()
        try:
            target()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.fixture
def detector(monkeypatch) -> Iterator[type[StubDetector]]:
    """The detector `haar`: finds one face, as wide as the smallest face."""
    kind = make_detector(Box(100, 100, 0, 100))
    monkeypatch.setitem(DETECTORS, "haar", kind)
    yield kind
    kind.release()


@pytest.fixture
def stub() -> StubRecognizer:
    return StubRecognizer(happy=0.76)


@pytest.fixture
def new_processor(detector) -> Iterator[Callable[..., LiveProcessor]]:
    """Make processors that recognize as often as they can; their threads must end with them."""
    made: list[LiveProcessor] = []

    def make(recognizer: Recognizer, settings: LiveSettings = FAST, **options) -> LiveProcessor:
        made.append(LiveProcessor(recognizer, settings, **options))
        return made[-1]

    yield make
    for processor in made:
        processor.stop()
    detector.release()
    assert until(lambda: not workers())


@pytest.fixture
def processor(new_processor, stub) -> LiveProcessor:
    return new_processor(stub)


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
