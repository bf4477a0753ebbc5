"""Choice of data set, split and exclusions, all stored in query parameters."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import streamlit as st

from dashboard import resources
from dashboard.widgets.address import read_choice, write_choice
from dashboard.widgets.messages import show_error
from pipeline.data.dataset import CHOOSING_SPLITS, HELD_OUT, SPLITS, choosing_split, split_name
from pipeline.data.exclusions import NO_LIST, exclusion_names
from pipeline.data.store import DatasetInfo, dataset_info, dataset_names
from pipeline.errors import UserError
from pipeline.evaluation.subset import EvaluationSubset, learned_from
from pipeline.runs import Run

_SPLIT_ORDER = (*CHOOSING_SPLITS, "test", "private_test", "train")
_WIDTH_PX = 190


def pick_subset(
    key: str, subsets: Sequence[EvaluationSubset], models: Sequence[Run]
) -> EvaluationSubset:
    """Let the user choose data set, split, exclusion lists, and whether to skip train duplicates.

    Args:
        key: prefix of the query parameters.
        subsets: whole splits, at least one; the first one is preselected.
        models: those to evaluate; train duplicates matter only to those that learned from the data.
    """
    labels = _labels(subsets)
    label = st.selectbox(
        "Data set",
        list(dict.fromkeys(labels)),
        key=f"{key}_dataset",
        bind="query-params",
        width=_WIDTH_PX,
    )
    by_split = {s.split: s for s, of in zip(subsets, labels, strict=True) if of == label}
    subset = by_split[_pick_split(f"{key}_split", list(by_split))]
    lists = exclusion_names(subset.dataset) if _is_in_workspace(subset) else []
    if lists:
        names = st.multiselect(
            "Exclusion lists",
            lists,
            key=f"{key}_exclude",
            bind="query-params",
            width=_WIDTH_PX,
            placeholder=NO_LIST,
            help="Skips the faces of lists made on the Dataset page.",
        )
        subset = _without_lists(subset, names) if names else subset
    if _may_leak(subset, models):
        without = st.toggle(
            "Without train duplicates",
            key=f"{key}_without_twins",  # as in links from older versions
            bind="query-params",
            help="Skips faces that have an exact duplicate in the training split.",
        )
        subset = replace(subset, without_duplicates=bool(without))
    return subset


def _pick_split(key: str, splits: Sequence[str]) -> str:
    """Let the user choose a split; the first one is preselected."""
    if asked := read_choice(key, splits):
        st.session_state[key] = asked[0]
    if st.session_state.get(key) not in splits:
        st.session_state[key] = splits[0]
    split = st.selectbox("Split", splits, format_func=split_name, key=key, width=_WIDTH_PX)
    write_choice(key, [split])
    return split


def show_evaluated(key: str, model: Run, subsets: Sequence[EvaluationSubset]) -> None:
    """Choose faces that a model was evaluated on when it replaces another one.

    Call it before `pick_subset`. A choice in the address, or of the same model, stays.

    Args:
        key: prefix of the query parameters.
        model: the chosen model.
        subsets: see `find_subsets`.
    """
    state, before = st.session_state, st.session_state.get(f"{key}.subset_of")
    state[f"{key}.subset_of"] = model.name
    if before in (None, model.name) or not resources.is_evaluated(model, subsets[0]):
        return
    chosen = state.get(f"{key}_dataset"), state.get(f"{key}_split")
    evaluated = [
        (label, subset.split)
        for label, subset in zip(_labels(subsets), subsets, strict=True)
        if resources.is_evaluated(model, subset)
    ]
    if chosen not in evaluated:
        state[f"{key}_dataset"], state[f"{key}_split"] = evaluated[0]


def _may_leak(subset: EvaluationSubset, models: Sequence[Run]) -> bool:
    """Return whether a model learned from duplicates of the subset's faces."""
    learned = any(learned_from(model, subset.fingerprint) for model in models)
    return learned and subset.split != "train" and bool(len(resources.duplicates(subset)))


def _without_lists(subset: EvaluationSubset, names: Sequence[str]) -> EvaluationSubset:
    """Return the subset without lists; show an error and return it whole for a damaged list."""
    smaller = replace(subset, exclude=",".join(sorted(names)))
    try:
        resources.exclusions(smaller)
    except UserError as error:
        show_error(error)
        return subset
    return smaller


def _is_in_workspace(subset: EvaluationSubset) -> bool:
    infos = [info for info in _infos() if info.name == subset.dataset]
    return any(info.fingerprint.startswith(subset.fingerprint) for info in infos)


def find_subsets(models: Sequence[Run]) -> list[EvaluationSubset]:
    """Return the splits that the models were or could be evaluated on.

    Splits with more evaluations come first; among equals, validation splits come before test
    and training splits.
    """
    infos = _infos()
    names = {info.fingerprint[:12]: info.name for info in infos}
    evaluated = [subset for model in models for subset in _evaluated(model, names)]
    possible = [EvaluationSubset(i.name, i.fingerprint[:12], s) for i in infos for s in _splits(i)]
    evaluations = Counter(evaluated)
    subsets = dict.fromkeys([*evaluated, *possible])
    return sorted(subsets, key=lambda subset: (-evaluations[subset], _order(subset.split)))


def _order(split: str) -> int:
    return _SPLIT_ORDER.index(split) if split in _SPLIT_ORDER else len(_SPLIT_ORDER)


def _labels(subsets: Sequence[EvaluationSubset]) -> list[str]:
    """Return the data set's name for each subset, with its fingerprint where names are equal."""
    names: dict[str, str] = {}
    for subset in subsets:
        taken = names.get(subset.dataset) not in (None, subset.fingerprint)
        label = f"{subset.dataset} {subset.fingerprint[:4]}" if taken else subset.dataset
        names.setdefault(label, subset.fingerprint)
    by_fingerprint = {fingerprint: label for label, fingerprint in names.items()}
    return [by_fingerprint[subset.fingerprint] for subset in subsets]


def _evaluated(model: Run, names: dict[str, str]) -> list[EvaluationSubset]:
    """Return the splits that a model was evaluated on.

    Args:
        model: the model.
        names: fingerprint → data set's name; those of other evaluations are added.
    """
    subsets = []
    for folder in model.evaluation_paths():
        fingerprint, _, split = folder.name.partition("-")
        if split in (*SPLITS, HELD_OUT):
            if fingerprint not in names:
                names[fingerprint] = _dataset_name(model, folder, fingerprint)
            subsets.append(EvaluationSubset(names[fingerprint], fingerprint, split))
    return subsets


def _dataset_name(model: Run, folder: Path, fingerprint: str) -> str:
    try:
        return resources.stored_predictions(model, folder).dataset
    except UserError:
        return fingerprint


def _infos() -> list[DatasetInfo]:
    infos = []
    for name in dataset_names():
        with suppress(UserError):
            infos.append(dataset_info(name))
    return infos


def _splits(info: DatasetInfo) -> list[str]:
    return [*dict.fromkeys([*info.counts, choosing_split(info.counts)])]
