"""Evaluate a model on a split: predict, store predictions and metrics, fit the temperature."""

from collections.abc import Callable

from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import ExclusionList
from pipeline.evaluation.calibration import calibrate
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import predict_split, save_predictions
from pipeline.runs import Run
from pipeline.storage import write_json


def evaluate(
    model: Run,
    dataset: FaceDataset,
    split: str,
    on_progress: Callable[[float], None] = lambda fraction: None,
    exclusions: ExclusionList | None = None,
) -> Metrics:
    """Evaluate a model on a split and store `predictions.npz` and `metrics.json`.

    On all faces of the split that the model was chosen on, its temperature is fitted and stored
    too.

    Args:
        model: a run or a bundled model.
        dataset: the data set.
        split: one of its splits, or `held_out`.
        on_progress: called with the share of faces recognized, 0-1.
        exclusions: a list of faces to leave out; the evaluation is stored separately.

    Raises:
        UserError: the split has no faces, the list is of another data set, or the model is
            damaged.
    """
    predictions = predict_split(model, dataset, split, on_progress, exclusions)
    metrics = compute_metrics(predictions)
    folder = model.new_evaluation_path(
        dataset.fingerprint, split, predictions.exclusion_fingerprint
    )
    save_predictions(predictions, folder)
    summary = {**metrics.summary(), "accuracy_interval": accuracy_interval(predictions)}
    write_json(folder / "metrics.json", summary)
    same_dataset = model.config().dataset_fingerprint == dataset.fingerprint
    if exclusions is None and same_dataset and split == dataset.choosing_split():
        calibrate(model, predictions)
    return metrics
