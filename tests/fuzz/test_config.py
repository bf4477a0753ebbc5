"""Fields of a training in any shape are a configuration or one `UserError`.

Hypothesis draws the same examples each time.
"""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import ARCHITECTURES
from pipeline.config.options import FIELDS, build_config, config_options, read_fields
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.runs import Run

EXAMPLES = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["nan", "-inf", "1e999", "9" * 400, "", "a,b", "\ud800"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just(10**400),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from([*FIELDS, "augment", "at_once", "freeze", "weights"])
PART = st.dictionaries(NAMES, VALUES, max_size=3) | VALUES
WHOLE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(TrainConfig.model_fields, VALUES),
        "dataset": st.just("faces") | VALUES,
        "architecture": st.sampled_from(list(ARCHITECTURES)) | VALUES,
        "model": PART,
        "augmentation": PART,
    },
)


@pytest.mark.slow
@EXAMPLES
@given(WHOLE | PART)
def test_any_json_is_a_configuration_or_a_sentence(tmp_path_factory, fields):
    path = tmp_path_factory.getbasetemp() / "any.json"
    for content in (fields, {"train": fields, "dataset_fingerprint": "f"}):
        path.write_text(json.dumps(content))
        with suppress(UserError):
            config = build_config(read_fields(path), {})
            assert config_options(config) and TrainConfig.model_validate_json(
                config.model_dump_json()
            )


@pytest.mark.slow
@EXAMPLES
@given(st.dictionaries(NAMES, TEXTS, max_size=3))
def test_any_options_are_a_configuration_or_a_sentence(given_fields):
    with suppress(UserError):
        build_config({"dataset": "faces"}, given_fields)


@pytest.mark.slow
@EXAMPLES
@given(WHOLE)
def test_any_config_of_a_run_is_read_or_a_sentence(tmp_path_factory, fields):
    run = Run(tmp_path_factory.getbasetemp())
    run.config_path.write_text(json.dumps({"train": fields, "dataset_fingerprint": "f"}))
    with suppress(UserError):
        run.config()
