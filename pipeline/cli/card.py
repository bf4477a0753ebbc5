"""The model card of a run: what it was made from, how well it does, and where not to use it.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting", https://arxiv.org/abs/1810.03993.
"""

import re
from typing import Annotated

import typer

from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.evaluation.calibration import cross_fitted, reliability
from pipeline.evaluation.cost import cost_of, measure_speed
from pipeline.evaluation.metrics import accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.evaluation.target import training_twins
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, find_model
from pipeline.training.faces import dataset_of
from pipeline.training.options import command_line

_SECONDS = re.compile(r"epoch \d+: .*\((\d+) s\)$", re.MULTILINE)

_USE = """\
## Use

It is made to learn how such networks are trained, compared and judged, and to show that live. It \
says how a face would be labelled by the people who labelled FER-2013, not what somebody feels. It \
is not for decisions about people: not for hiring, grading, watching or diagnosing."""

_LIMITS = """\
## Limits

- The faces are posed or acted, many of public figures, found by a search engine: faces that look \
otherwise, old and very young people and many origins are under-represented, and nothing is known \
of how well it does on each.
- The labels are noisy: people agree with them on about 65 % of the faces, and ten annotators \
(FER+) give about a third of them another majority.
- It sees 48×48 grey pixels of an upright frontal face, as the Haar cascade finds it.
- The epoch was chosen on these faces, so that others will be recognised a little worse.

## Licence

FER-2013 (Goodfellow et al. 2013, https://arxiv.org/abs/1307.0414) was published for research; its \
pictures belong to their owners and are not part of this project. Before you use the weights for \
anything else, find out whether you may."""


def card(
    model: Annotated[str, typer.Argument(help="A run's or a shipped model's name.")],
) -> None:
    """Print the model card of an evaluated model, in Markdown."""
    print(model_card(find_model(model)))


def model_card(model: Run) -> str:
    """Return a model's card in Markdown, from its evaluation on the split it was chosen on.

    Measures the time of a face where that was not done yet.

    Raises:
        UserError: its data set is not here, or it was not evaluated.
    """
    dataset = dataset_of(model)
    split = dataset.choosing_split()
    folder = model.evaluation_path(dataset.fingerprint, split)
    if not (folder / "predictions.npz").is_file():
        raise UserError(f"'{model.name}' was not judged on {split} yet: evaluate it first.")
    predictions = load_predictions(model, folder)
    return "\n\n".join(
        [
            f"# {model.name}",
            _made(model, dataset),
            _USE,
            f"## Figures on {dataset.name}, {split}",
            _figures(predictions, predictions.without(training_twins(dataset))),
            _by_emotion(predictions),
            "Rows are labels, columns what it says; counts of faces.",
            _confusion(predictions),
            _calibration(model, predictions),
            _cost(model),
            _LIMITS,
        ]
    )


def _made(model: Run, dataset: FaceDataset) -> str:
    config, history = model.config(), model.history()
    train = config.train
    watched = history[train.monitor].to_numpy()
    epoch = (watched.argmin() if train.monitor == "val_loss" else watched.argmax()) + 1
    faces = len(dataset.training_indices(train.seed))
    faces -= config.exclusion.faces if config.exclusion else 0
    hours = sum(map(int, _SECONDS.findall(model.log_path.read_text()))) / 3600
    changed = ""
    if config.extended_at:
        changed = f" Their number was changed after {config.extended_at} of them."
    return (
        f"{train.architecture}, {cost_of(model).parameters or 0:,} parameters. Learnt from "
        f"{faces:,} faces of {dataset.name}'s training split in {len(history)} epochs "
        f"({hours:.1f} hours).{changed} Kept is epoch {epoch}, the best by {train.monitor} on "
        f"{dataset.choosing_split()}. `config.json` trains it again by --config, and names the "
        f"versions it was made with:\n\n```\n{command_line(train)}\n```"
    )


def _figures(every: Predictions, unseen: Predictions) -> str:
    sets = {"all faces": every}
    if 0 < len(unseen) < len(every):
        sets["without twins of training faces"] = unseen
    rows = []
    for name, judged in sets.items():
        metrics, (low, high) = compute_metrics(judged), accuracy_interval(judged)
        rows.append(
            f"| {name} | {metrics.n:,} | {metrics.accuracy:.1%} ({low:.1%} to {high:.1%}) "
            f"| {metrics.balanced_accuracy:.1%} | {metrics.macro_f1:.3f} "
            f"| {metrics.top2_accuracy:.1%} | {metrics.auc_macro or 0:.3f} |"
        )
    head = "| | faces | accuracy (95 % interval) | balanced | macro F1 | top-2 | macro AUC |"
    return _table(head, rows)


def _by_emotion(predictions: Predictions) -> str:
    rows = [
        f"| {emotion} | {of.precision:.1%} | {of.recall:.1%} | {of.f1:.3f} | {of.support} |"
        for emotion, of in compute_metrics(predictions).per_class.items()
    ]
    return _table("| | precision | recall | F1 | faces |", rows)


def _confusion(predictions: Predictions) -> str:
    counts = compute_metrics(predictions).confusion
    rows = [
        f"| {emotion} | {' | '.join(map(str, row))} |"
        for emotion, row in zip(EMOTIONS, counts, strict=True)
    ]
    return _table(f"| | {' | '.join(EMOTIONS)} |", rows)


def _calibration(model: Run, predictions: Predictions) -> str:
    text = f"Its expected calibration error is {reliability(predictions).ece:.1%}"
    fitted, scaled = model.calibration(), cross_fitted(predictions)
    if fitted and scaled:
        text += (
            f", and {reliability(scaled).ece:.1%} at its temperature, cross-fitted over fifths of "
            f"the faces; fitted on all of them it is {fitted.temperature:.2f}"
        )
    return f"{text}."


def _cost(model: Run) -> str:
    speed = model.speed() or measure_speed(model)
    size_mb = cost_of(model).size_mb or 0
    return (
        f"Its exported weights take {size_mb:.1f} MB. A face takes {speed.ms:.1f} ms "
        f"({speed.p95_ms:.1f} ms at the 95th percentile) on {speed.threads} threads of "
        f"{speed.processor}."
    )


def _table(head: str, rows: list[str]) -> str:
    columns = head.count("|") - 1
    return "\n".join([head, "|" + "---|" + "--:|" * (columns - 1), *rows])
