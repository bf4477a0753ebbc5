"""Finds the preprocessing and the label order of a foreign network by trying the plausible ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.registry.preprocessing import preprocessed, raw_classes
from pipeline.registry.source_network import ImageInput
from pipeline.vision.recognizer import compile_network

FACES = 500
_FINALISTS = 3
MIN_LEAD, MIN_ACCURACY = 0.05, 0.40
_BATCH = 64
_SHOWN_SCALES = {"0..255": "0…255", "0..1": "0…1", "-1..1": "−1…1"}
_SHOWN_ORDERS = {
    "fer2013": "FER-2013's order",
    "alphabetical": "alphabetical order",
    "ferplus": "FER+'s order",
    "affectnet": "AffectNet's order",
    "rafdb": "RAF-DB's order",
}


@dataclass(frozen=True)
class Candidate:
    """A preprocessing and a label order.

    Args:
        scale: one of `SCALES`.
        order: the name of the label order, or its classes with commas between them.
        labels: the classes in that order.
        accuracy: on the sample of faces, 0 to 1.
        accuracy_all: on all faces of the split, of the best ones.
        fitted: whether the order is none of the known ones, but the one that fits these faces.
    """

    scale: str
    order: str
    labels: tuple[str, ...]
    accuracy: float = 0.0
    accuracy_all: float | None = None
    fitted: bool = False

    def __str__(self) -> str:
        """Return it for people, such as `−1…1, FER-2013's order`."""
        order = _SHOWN_ORDERS.get(self.order, f"order {self.order.replace(',', ', ')}")
        return f"{_SHOWN_SCALES.get(self.scale, self.scale)}, {order}"

    @property
    def options(self) -> str:
        """The options of the command that say it outright."""
        return f"--scale {self.scale} --labels {self.order}"


@dataclass(frozen=True)
class Search:
    """What was tried on which faces.

    Args:
        dataset: the data set's name.
        split: its model-selection split.
        faces: the size of the sample.
        faces_all: the size of the split.
        candidates: all that were tried, the best first.
        given: whether the user has said preprocessing and order, so that nothing is in doubt.
    """

    dataset: str
    split: str
    faces: int
    faces_all: int
    candidates: tuple[Candidate, ...] = field(default=())
    given: bool = False

    @property
    def best(self) -> Candidate:
        """The best candidate."""
        return self.candidates[0]

    @property
    def next_best(self) -> Candidate | None:
        """The best that differs from it by more than the order of the channels, if there is one."""
        return next((each for each in self.candidates if _differ(each, self.best)), None)

    def doubt(self) -> str:
        """Return why the best cannot be taken without a question; empty if it can."""
        first, second = self.best, self.next_best
        accuracy = first.accuracy_all or 0.0
        if self.given:
            return ""
        if first.fitted:
            return (
                f"No common label order fits this model. On these faces {first} fits best, with "
                f"an accuracy of {accuracy:.1%}"
            )
        if accuracy < MIN_ACCURACY:
            return (
                f"Of {len(self.candidates)} combinations of scaling and label order, the best is "
                f"{first}, with an accuracy of only {accuracy:.1%}"
            )
        other = (second.accuracy_all if second else None) or 0.0
        if second and accuracy - other < MIN_LEAD:
            return (
                f"The accuracy is {accuracy:.1%} with {first}, and {other:.1%} with {second}: too "
                "close to tell"
            )
        return ""

    def summary(self) -> dict[str, Any]:
        """Return everything as a JSON document."""
        return {**asdict(self), "doubt": self.doubt()}


def _differ(first: Candidate, second: Candidate) -> bool:
    families = {each.scale.split("-")[0] or each.scale for each in (first, second)}
    return len(families) > 1 or first.labels != second.labels


def find_preprocessing(
    network: ov.Model,
    image: ImageInput,
    dataset: FaceDataset,
    scales: Sequence[str],
    orders: dict[str, tuple[str, ...]],
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> Search:
    """Try scalings and label orders on 500 faces, then the best three on all.

    The faces are those of the model-selection split, stratified by emotion.

    Args:
        network: the source network.
        image: what it takes.
        dataset: labeled faces.
        scales: names of `SCALES`.
        orders: name → label order.
        on_progress: called with the fraction done, 0 to 1.

    Raises:
        UserError: the data set has no faces to choose on.
    """
    split = dataset.choosing_split()
    everything = dataset.indices(split)
    sample = stratified(dataset.labels, everything, FACES)
    finalists = min(_FINALISTS, len(scales) * len(orders))
    steps, done = len(sample) * len(scales) + len(everything) * finalists, 0

    def predict(scale: str, faces: NDArray[np.intp]) -> NDArray[np.float32]:
        nonlocal done
        compiled = compile_network(raw_classes(preprocessed(network, image, scale)))
        parts = []
        for start in range(0, len(faces), _BATCH):
            batch = dataset.images[faces[start : start + _BATCH]][..., np.newaxis]
            parts.append(compiled([batch.astype(np.float32)])[0].copy())
            done += len(batch)
            on_progress(min(1.0, done / steps))
        return np.concatenate(parts)

    outputs = {scale: predict(scale, sample) for scale in scales}
    tried = _best_first(outputs, orders, dataset.labels[sample])
    if tried[0].accuracy < MIN_ACCURACY and len(orders) > 1:
        fitting = {
            scale: _fitting_order(each, dataset.labels[sample]) for scale, each in outputs.items()
        }
        fitted = [
            Candidate(scale, ",".join(order), order, fitted=True)
            for scale, order in fitting.items()
        ]
        fitting_best = _rated(fitted, outputs, dataset.labels[sample])[0]
        if fitting_best.accuracy >= MIN_ACCURACY:
            tried = [fitting_best, *tried]
    best = _finalists(tried)
    outputs = {scale: predict(scale, everything) for scale in {each.scale for each in best}}
    labels = dataset.labels[everything]
    finished = [
        replace(each, accuracy_all=_accuracy(outputs[each.scale], each.labels, labels))
        for each in best
    ]
    finished.sort(key=lambda each: -(each.accuracy_all or 0.0))
    others = [each for each in tried if each not in best]
    return Search(dataset.name, split, len(sample), len(everything), (*finished, *others))


def _best_first(
    outputs: dict[str, NDArray[np.float32]],
    orders: dict[str, tuple[str, ...]],
    y_true: NDArray[np.uint8],
) -> list[Candidate]:
    """Return all pairs of a scaling and a label order with their accuracies, the best first."""
    pairs = [Candidate(scale, name, order) for scale in outputs for name, order in orders.items()]
    return _rated(pairs, outputs, y_true)


def _rated(
    candidates: Sequence[Candidate],
    outputs: dict[str, NDArray[np.float32]],
    y_true: NDArray[np.uint8],
) -> list[Candidate]:
    rated = [
        replace(each, accuracy=_accuracy(outputs[each.scale], each.labels, y_true))
        for each in candidates
    ]
    return sorted(rated, key=lambda each: -each.accuracy)


def _fitting_order(outputs: NDArray[np.float32], y_true: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return the label order in which the most faces are right (Kuhn 1955, the assignment)."""
    from scipy.optimize import linear_sum_assignment  # imported here, since it takes half a second

    predicted, classes = outputs.argmax(axis=1), outputs.shape[1]
    counts = np.zeros((classes, len(EMOTIONS)))
    np.add.at(counts, (predicted, y_true), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    names = {row: EMOTIONS[column] for row, column in zip(rows, columns, strict=True)}
    return tuple(names.get(each, "other") for each in range(classes))


def _finalists(tried: Sequence[Candidate]) -> list[Candidate]:
    """Return the best candidates that differ by more than the order of the channels."""
    finalists: list[Candidate] = []
    for each in tried:
        if all(_differ(each, other) for other in finalists):
            finalists.append(each)
    return finalists[:_FINALISTS]


def stratified(
    labels: NDArray[np.uint8], indices: NDArray[np.intp], count: int, seed: int = 0
) -> NDArray[np.intp]:
    """Return the positions of a sample of faces, in which each emotion has its share."""
    shuffled = np.random.default_rng(seed).permutation(indices)
    by_emotion = shuffled[np.argsort(labels[shuffled], kind="stable")]
    count = min(count, len(shuffled))
    return np.asarray(by_emotion[np.arange(count) * len(shuffled) // count])


def _accuracy(
    outputs: NDArray[np.float32], labels: Sequence[str], y_true: NDArray[np.uint8]
) -> float:
    """Return the accuracy of raw outputs (n, classes) if their classes are in this order."""
    columns = [list(labels).index(emotion) for emotion in EMOTIONS]
    return float((outputs[:, columns].argmax(axis=1) == y_true).mean())


def suggestion(search: Search) -> UserError:
    """Return the error that asks for the preprocessing and the label order."""
    return UserError(
        f"{search.doubt()}. Confirm it with {search.best.options}, or give what the model was "
        "trained with.",
        on_page=f"{search.doubt()}. Choose what the model was trained with.",
    )
