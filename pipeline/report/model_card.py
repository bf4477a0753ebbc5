"""The model card of a run: training data, metrics, intended use and limits.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting", https://arxiv.org/abs/1810.03993.
"""

import re
from collections.abc import Sequence

from pipeline.config.options import command_line
from pipeline.data.dataset import FaceDataset, faces_name, split_name
from pipeline.errors import UserError
from pipeline.evaluation.calibration import cross_fitted, reliability
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.model_cost import measure_speed, model_cost
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.labels import EMOTIONS
from pipeline.report.evaluation import with_and_without_duplicates
from pipeline.report.units import accuracy_with_interval, percent, score
from pipeline.runs import Run, RunConfig, model_names
from pipeline.runs.history import best_row, training_seconds
from pipeline.training.run_setup import dataset_of

_USE = """\
## Use

It is made to learn how such networks are trained, compared and evaluated, and to show that live. \
It predicts how the people who labeled FER-2013 would label a face, not what somebody feels. It is \
not for decisions about people: not for hiring, grading, surveillance or diagnosis."""

_LIMITS = """\
## Limits

- The faces are posed or acted, many of public figures, found by a search engine: faces that look \
otherwise, old and very young people and many origins are under-represented, and nothing is known \
of how well it does on each.
- The labels are noisy: people agree with them on about 65% of the faces, and ten annotators \
(FER+) give about a third of them another majority.
- It sees 48×48 gray pixels of an upright frontal face, as the Haar cascade finds it.
- The epoch was chosen on these faces, so that others will be recognized a little worse.

## License

FER-2013 (Goodfellow et al. 2013, https://arxiv.org/abs/1307.0414) was published for research; its \
images belong to their owners and are not part of this project. Before you use the weights for \
anything else, find out whether you may."""


def model_card(model: Run) -> str:
    """Return a model's card in Markdown, from its evaluation on the split it was chosen on.

    Measures the latency if it is unknown.

    Raises:
        UserError: its data set is not in the workspace, or the model was not evaluated.
    """
    dataset = dataset_of(model)
    split = dataset.choosing_split()
    folder = model.evaluation_path(dataset.fingerprint, split)
    if not (folder / "predictions.npz").is_file():
        raise UserError(f"'{model.name}' has not been evaluated on {split} yet: evaluate it first.")
    predictions = load_predictions(model, folder)
    metrics = compute_metrics(predictions)
    return "\n\n".join(
        [
            f"# {_text(model_names().get(model.name, model.name))}",
            _training(model, dataset),
            _USE,
            f"## Metrics on {faces_name(dataset.name, split)}",
            _metrics(predictions, dataset),
            _by_emotion(metrics),
            "Confusion matrix: rows are labels, columns predictions, cells numbers of faces.",
            _confusion(metrics),
            _calibration(model, predictions),
            _cost(model),
            _LIMITS,
        ]
    )


def _training(model: Run, dataset: FaceDataset) -> str:
    config, history = model.config(), model.history()
    if config.train is None:
        return _origin(config)
    train, seconds = config.train, training_seconds(history, model.log_path)
    faces = len(dataset.training_indices(train.seed))
    faces -= config.exclusion.faces if config.exclusion else 0
    command = command_line(train)
    fence = "```" + "`" * command.count("`")  # longer than any in the command
    best, best_epoch, extended = best_row(history, train.monitor), "", ""
    if best is not None:
        best_epoch = (
            f" Its weights are those of epoch {int(best['epoch']) + 1}, the best by "
            f"{train.monitor} on {split_name(dataset.choosing_split())}."
        )
    if config.extended_from_epoch:
        extended = f" The number of epochs was changed after {config.extended_from_epoch} of them."
    return (
        f"{train.architecture}, {model_cost(model).parameters or 0:,} parameters. Trained on "
        f"{faces:,} faces of {_text(dataset.name)}'s training split for {len(history)} epochs"
        f"{f' ({seconds / 3600:.1f} hours)' if seconds else ''}.{extended}{best_epoch} "
        "`config.json` holds its options for --config, and the versions it was made with. A "
        "teacher and initial weights are named as at that time:"
        f"\n\n{fence}\n{command}\n{fence}"
    )


def _origin(config: RunConfig) -> str:
    """Return where a model comes from that was not trained here."""
    if config.ensemble:
        members = zip(config.ensemble.models, config.ensemble.weights, strict=True)
        listed = ", ".join(f"{_text(name)} ({percent(weight)})" for name, weight in members)
        return f"An ensemble: the mean of the probabilities of {listed}."
    source = config.imported
    if source is None:
        return ""
    return (
        f"Imported from the {source.framework} file {_text(source.file)} (SHA-256 "
        f"{source.sha256}). Its input is {_text(source.input)}, its scaling {source.scale}; its "
        f"classes are {_text(', '.join(source.labels))}. How it was trained is not known here."
    )


def _metrics(predictions: Predictions, dataset: FaceDataset) -> str:
    rows = []
    for name, each in with_and_without_duplicates(predictions, dataset).items():
        metrics = compute_metrics(each)
        accuracy = accuracy_with_interval(metrics.accuracy, accuracy_interval(each))
        cells = f"{metrics.n:,}", accuracy, percent(metrics.balanced_accuracy)
        scores = score(metrics.macro_f1), percent(metrics.top2_accuracy), score(metrics.auc_macro)
        rows.append((name, *cells, *scores))
    heads = "faces", "accuracy (95% interval)", "balanced", "macro F1", "top-2", "macro AUC"
    return _table(heads, rows)


def _by_emotion(metrics: Metrics) -> str:
    rows = [
        (emotion, percent(each.precision), percent(each.recall), score(each.f1), each.support)
        for emotion, each in metrics.per_class.items()
    ]
    return _table(("precision", "recall", "F1", "faces"), rows)


def _confusion(metrics: Metrics) -> str:
    counts = zip(EMOTIONS, metrics.confusion, strict=True)
    return _table(EMOTIONS, [(emotion, *row) for emotion, row in counts])


def _calibration(model: Run, predictions: Predictions) -> str:
    text = f"Its expected calibration error is {percent(reliability(predictions).ece)}"
    fitted, scaled = model.calibration(), cross_fitted(predictions)
    if fitted and scaled:
        text += (
            f", and {percent(reliability(scaled).ece)} with temperature scaling, cross-fitted over "
            f"five folds; the temperature fitted on all faces is {fitted.temperature:.2f}"
        )
    return f"{text}."


def _cost(model: Run) -> str:
    speed = model.speed() or measure_speed(model)
    return (
        f"Its exported weights take {model_cost(model).size_mb or 0:.1f} MB. A face takes "
        f"{speed.ms:.1f} ms ({speed.p95_ms:.1f} ms at the 95th percentile) on {speed.threads} "
        f"threads of {_text(speed.processor)}."
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = f"| | {' | '.join(heads)} |", "|---|" + "--:|" * len(heads)
    return "\n".join([*head, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def _text(text: str) -> str:
    """Return a text as Markdown that shows it as it is; names may have `_` and dots inside."""
    return re.sub(
        r"([\\`*\[\]<>#|&~$@]|:(?=//)|(?<=www)\.|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(text.split())
    )
