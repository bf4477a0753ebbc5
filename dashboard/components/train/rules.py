"""Which fields of the training form have an effect, by what is said in it, and their choices."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, get_args, get_origin

from dashboard import resources
from dashboard.components.train.fields import FormField
from pipeline.data.exclusions import exclusion_names
from pipeline.data.store import dataset_info, dataset_names
from pipeline.errors import UserError
from pipeline.runs import list_models, list_shipped
from pipeline.training.rules import lacks
from pipeline.training.weights import may_start

TYPED = ("weights", "teacher")
"""Fields that also take what is none of their choices."""


def applies(name: str, values: Mapping[str, Any]) -> bool:
    """Tell whether a field has an effect, by what is said above it in the form.

    Args:
        name: the field.
        values: field → value, as far as known; the architecture's own below `model`.
    """
    if name == "exclude":
        return bool(_lists(values))
    if name == "targets":
        return _has_votes(values)
    return not lacks(name, values)


def choices(field: FormField, values: Mapping[str, Any]) -> Sequence[Any]:
    """Return what a field is chosen from; nothing where it is typed.

    Args:
        field: the field.
        values: as in `applies`.
    """
    if field.name == "dataset":
        return dataset_names()
    if field.name == "exclude":
        return _lists(values)
    if field.name == "weights":
        return ["imagenet", "none", *_trained_models(values)]
    if field.name == "teacher":
        return ["none", *(model.name for model in list_models())]
    kind = field.info.annotation
    return get_args(kind) if get_origin(kind) is Literal else ()


def shown_as(field: FormField, values: Mapping[str, Any]) -> Callable[[Any], str]:
    """Return what makes of a choice the words that stand for it: a model has its title, too."""
    titles = _trained_models(values) if field.name == "weights" else {}
    return lambda choice: titles.get(choice, str(choice))


def _trained_models(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the models whose weights a network may start from: name → words, newest first."""
    architecture = values["architecture"]
    shipped = {m.name: m.name for m in list_shipped() if may_start(architecture, m)}
    return shipped | {
        row.run.name: f"{row.title} · {row.run.name}" if row.notes.name else row.run.name
        for row in resources.runs().rows()
        if row.architecture == architecture and row.run.weights_path.is_file()
    }


def _lists(values: Mapping[str, Any]) -> list[str]:
    dataset = values.get("dataset")
    return exclusion_names(dataset) if dataset else []


def _has_votes(values: Mapping[str, Any]) -> bool:
    dataset = values.get("dataset")
    with suppress(UserError):
        return bool(dataset and dataset_info(dataset).ferplus)
    return False
