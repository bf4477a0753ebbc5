"""The fields in which the configurations of models differ, and only those."""

import pandas as pd
import streamlit as st

from dashboard.components.compare.compared import Compared
from pipeline.runs import RunConfig
from pipeline.training.experiment import differing_fields, fields_of
from pipeline.training.options import as_text

_DATA, _LEFT_OUT = "training data", "left out of training"


def show_configuration(compared: Compared) -> None:
    """Show a column a model and a row a field that is not the same in all."""
    configs = compared.configs
    unreadable = [m.title for m in compared.models if m.name not in configs]
    if unreadable:
        st.warning(
            f"The configuration of {', '.join(unreadable)} cannot be read.",
            icon=":material/warning:",
        )
    if len(configs) < 2:
        st.caption("Choose a second model to see in what their configurations differ.")
        return
    labels = compared.labels
    table = configuration_table({labels[name]: config for name, config in configs.items()})
    if table.empty:
        st.caption("The configurations are the same in every field.")
        return
    st.dataframe(table, height="content", alt="The fields in which the configurations differ")
    st.caption("A dash stands where an architecture has no such field.")


def configuration_table(configs: dict[str, RunConfig]) -> pd.DataFrame:
    """Return field × model, the fields that are not the same in all.

    What the models were trained on stands first: figures of models that learnt from other faces
    say as much of these as of the models.

    Args:
        configs: what a model is called → its configuration.
    """
    fields = {name: fields_of(config.train) for name, config in configs.items()}
    rows = {
        _DATA: {n: f"{c.train.dataset} {c.dataset_fingerprint[:8]}" for n, c in configs.items()},
        _LEFT_OUT: {name: _left_out(config) for name, config in configs.items()},
    }
    rows = {name: values for name, values in rows.items() if len(set(values.values())) > 1}
    told = {"dataset", "exclude"}
    for name in differing_fields([config.train for config in configs.values()]):
        if name not in told:
            rows[name.replace("_", " ")] = {
                model: as_text(values[name]) if name in values else "–"
                for model, values in fields.items()
            }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(configs))


def _left_out(config: RunConfig) -> str:
    left = config.exclusion
    return f"{left.name}, {left.faces:,} faces, {left.fingerprint[:8]}" if left else "nothing"
