"""Choices that say what is judged: a model, and the faces; all of them stand in the address."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from dashboard import resources
from pipeline.data.dataset import HELD_OUT, SPLITS
from pipeline.data.exclusions import NO_LIST, exclusion_names
from pipeline.data.store import DatasetInfo, dataset_info, dataset_names
from pipeline.errors import UserError
from pipeline.evaluation.jobs import EvaluationJob
from pipeline.evaluation.target import Target
from pipeline.runs import Run

_FIRST = ("public_test", "validation", HELD_OUT, "test", "private_test", "train")
_WIDTH_PX = 190


def job_for(model: Run, target: Target) -> EvaluationJob:
    """Return the job that evaluates a model on the whole split of a target."""
    return EvaluationJob(model.name, target.dataset, target.fingerprint, target.split)


def pick_model(key: str, models: Sequence[Run]) -> Run:
    """Let one of the models be chosen; the first stands there at the beginning."""
    by_name = {model.name: model for model in models}
    name = st.selectbox(
        "Model", list(by_name), key=f"{key}_model", bind="query-params", width="stretch"
    )
    return by_name.get(name) or models[0]


def pick_target(key: str, targets: Sequence[Target]) -> Target:
    """Let a data set and a split be chosen, and what of it is left out.

    Args:
        key: begins the names of the choices in the page's address.
        targets: at least one, the one to begin with first.
    """
    labels = _labels(targets)
    label = st.selectbox(
        "Data set", list(dict.fromkeys(labels)), key=f"{key}_dataset", bind="query-params",
        width=_WIDTH_PX,
    )  # fmt: skip
    of_dataset = {t.split: t for t, of in zip(targets, labels, strict=True) if of == label}
    split = st.selectbox(
        "Split", list(of_dataset), key=f"{key}_split", bind="query-params", width=_WIDTH_PX
    )
    target = of_dataset.get(split) or targets[0]
    lists = exclusion_names(target.dataset) if _is_here(target) else []
    if lists:
        chosen = st.selectbox(
            "Leave out", [NO_LIST, *lists], key=f"{key}_exclude", bind="query-params",
            width=_WIDTH_PX, help="an exclusion list of the Dataset page",
        )  # fmt: skip
        target = _without_list(target, chosen) if chosen in lists else target
    if target.split != "train" and len(resources.twins(target)):
        without = st.toggle(
            "Without twins", key=f"{key}_without_twins", bind="query-params",
            help="leave out faces whose very picture is in the training split, too",
        )  # fmt: skip
        target = replace(target, without_twins=bool(without))
    return target


def _without_list(target: Target, name: str) -> Target:
    """Leave a list out of a target; one that cannot be read is said, and nothing is left out."""
    narrowed = replace(target, exclude=name)
    try:
        resources.exclusions(narrowed)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return target
    return narrowed


def _is_here(target: Target) -> bool:
    infos = [info for info in _infos() if info.name == target.dataset]
    return any(info.fingerprint.startswith(target.fingerprint) for info in infos)


def find_targets(models: Sequence[Run]) -> list[Target]:
    """Return every split the models were evaluated on, or could be, the best to show first.

    First come splits that more of the models were evaluated on, then those on which models are
    chosen rather than reported or trained.
    """
    infos = _infos()
    names = {info.fingerprint[:12]: info.name for info in infos}
    evaluated = [target for model in models for target in _evaluated(model, names)]
    possible = [Target(i.name, i.fingerprint[:12], s) for i in infos for s in _splits(i)]
    done = Counter(evaluated)
    known = dict.fromkeys([*evaluated, *possible])
    return sorted(known, key=lambda target: (-done[target], _order(target.split)))


def _order(split: str) -> int:
    return _FIRST.index(split) if split in _FIRST else len(_FIRST)


def _labels(targets: Sequence[Target]) -> list[str]:
    names: dict[str, str] = {}
    for target in targets:
        taken = names.get(target.dataset) not in (None, target.fingerprint)
        label = f"{target.dataset} {target.fingerprint[:4]}" if taken else target.dataset
        names.setdefault(label, target.fingerprint)
    by_fingerprint = {fingerprint: label for label, fingerprint in names.items()}
    return [by_fingerprint[target.fingerprint] for target in targets]


def _evaluated(model: Run, names: dict[str, str]) -> list[Target]:
    """Return what a model was evaluated on; names of data sets that are not here join `names`."""
    found = []
    for folder in model.evaluation_paths():
        fingerprint, _, split = folder.name.partition("-")
        if split in (*SPLITS, HELD_OUT):
            if fingerprint not in names:
                names[fingerprint] = _dataset_name(model, folder, fingerprint)
            found.append(Target(names[fingerprint], fingerprint, split))
    return found


def _dataset_name(model: Run, folder: Path, fingerprint: str) -> str:
    try:
        return resources.stored_predictions(model, folder).dataset
    except UserError:
        return fingerprint


def _infos() -> list[DatasetInfo]:
    infos = []
    for name in dataset_names():
        try:
            infos.append(dataset_info(name))
        except UserError:
            continue
    return infos


def _splits(info: DatasetInfo) -> list[str]:
    chosen_on = {"public_test", "validation"} & info.counts.keys()
    return [*info.counts] if chosen_on else [*info.counts, HELD_OUT]
