"""The view Config diff: the configuration fields in which the models differ."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.views.compare.comparison import Comparison
from dashboard.widgets.messages import show_warning
from dashboard.widgets.parallel_chart import show_parallel
from pipeline.config.options import as_text
from pipeline.queue.experiment import differing_fields, fields_of
from pipeline.runs import RunConfig

_FIELD_PX = 190
_MAX_AXES = 8  # more have no room for their labels
_DATA, _LEFT_OUT, _EPOCHS = "training data", "left out of training", "epochs trained"


def show_config_diff(comparison: Comparison) -> None:
    """Show a column for each model and a row for each field that differs."""
    configs, labels = comparison.configs, comparison.labels
    unreadable = [labels[m.name] for m in comparison.models if m.name not in configs]
    if unreadable:
        show_warning(f"The configuration of {', '.join(unreadable)} cannot be read.")
    if len(configs) < 2:
        st.caption("Choose a second model to see how their configurations differ.")
        return
    table = config_diff(
        {labels[name]: config for name, config in configs.items()},
        {labels[name]: epochs for name, epochs in comparison.epochs_trained.items()},
    )
    if table.empty:
        st.caption("The configurations are the same in every field.")
        return
    st.dataframe(
        table,
        height="content",
        column_config={"_index": st.column_config.TextColumn(width=_FIELD_PX)},
        alt="The fields in which the configurations differ",
    )
    st.caption("A dash means that the model has no such field.")
    _show_parallel(comparison)


def _show_parallel(comparison: Comparison) -> None:
    """Show a line for each model through its values of the first fields that differ.

    Fields that some architecture lacks are left out.
    """
    configs = comparison.configs
    values = [_fields(config) for config in configs.values()]
    differing = differing_fields([config.train for config in configs.values() if config.train])
    names = [name for name in differing if all(name in each for each in values)][:_MAX_AXES]
    if not names:
        return
    show_parallel(
        "compare.parallel",
        {name: [each[name] for each in values] for name in names},
        [comparison.metrics[model].metrics.accuracy for model in configs],
    )


def config_diff(
    configs: Mapping[str, RunConfig], epochs_trained: Mapping[str, str]
) -> pd.DataFrame:
    """Return field × model, the fields that are not the same in all models.

    The training data come first: differences between models that were trained on other faces may
    be due to the faces.

    Args:
        configs: label → configuration.
        epochs_trained: label → how many epochs, and why not all; for trained models.
    """
    fields = {name: _fields(config) for name, config in configs.items()}
    rows = {
        _DATA: {n: _data(config) for n, config in configs.items()},
        _LEFT_OUT: {name: _left_out(config) for name, config in configs.items()},
        _EPOCHS: {name: epochs_trained.get(name, "–") for name in configs},
    }
    rows = {name: values for name, values in rows.items() if len(set(values.values())) > 1}
    for name in differing_fields([each.train for each in configs.values() if each.train]):
        if name not in ("dataset", "exclude"):  # covered by the rows above
            rows[name.replace("_", " ")] = {
                model: as_text(values[name]) if name in values else "–"
                for model, values in fields.items()
            }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(configs))


def _fields(config: RunConfig) -> dict[str, Any]:
    """Return field → value; of a model that was not trained here its kind alone."""
    return fields_of(config.train) if config.train else {"architecture": config.kind}


def _data(config: RunConfig) -> str:
    known = config.kind == "trained"
    return f"{config.dataset} {config.dataset_fingerprint[:8]}" if known else "–"


def _left_out(config: RunConfig) -> str:
    excluded = config.exclusion
    if excluded is None:
        return "nothing"
    return f"{excluded.name}, {excluded.faces:,} faces, {excluded.fingerprint[:8]}"
