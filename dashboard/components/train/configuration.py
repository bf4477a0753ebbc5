"""What a run was made from: its command, its fields, its data and versions."""

import pandas as pd
import streamlit as st

from pipeline.runs import RunConfig
from pipeline.training.config import TrainConfig
from pipeline.training.experiment import fields_of
from pipeline.training.options import as_text, command_line


def show_configuration(config: RunConfig) -> None:
    """Show a run's configuration, with the fields first that are not at their defaults."""
    st.caption("The same from a terminal:")
    st.code(command_line(config.train), language="bash", wrap_lines=True)
    st.dataframe(
        fields_table(config.train), hide_index=True, height=400,
        column_config={"default": st.column_config.TextColumn(help="where the value is another")},
    )  # fmt: skip
    versions = " · ".join(f"{name} {version}" for name, version in config.versions.items())
    st.caption(f"data set fingerprint `{config.dataset_fingerprint[:12]}` · {versions}")


def fields_table(config: TrainConfig) -> pd.DataFrame:
    """Return `field`, `value` and `default`, which is empty where the value is no other.

    The fields that are not at their defaults stand first, as their command line has them.
    """
    plain = TrainConfig.model_validate(
        {"dataset": config.dataset, "architecture": config.architecture}
    )
    values, defaults = fields_of(config), fields_of(plain)
    changed = [name for name in values if values[name] != defaults[name]]
    same = [name for name in values if name not in changed]
    return pd.DataFrame(
        {
            "field": [*changed, *same],
            "value": [as_text(values[name]) for name in [*changed, *same]],
            "default": [*(as_text(defaults[name]) for name in changed), *[""] * len(same)],
        }
    )
