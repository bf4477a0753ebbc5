"""Addresses that ask for what a page does not have."""

from itertools import cycle, islice
from unittest.mock import patch

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.pages import HOME, as_shown, texts

PARAMETERS = {
    "overview": ("x",),
    "dataset": ("dataset", "view", "map_by"),
    "train": ("train.view", "train.experiment", "train.run"),
    "evaluate": (
        *("evaluate_model", "evaluate_dataset", "evaluate_split", "evaluate_exclude"),
        *("evaluate_without_twins", "evaluate_view", "evaluate_shares", "evaluate_show"),
        *("evaluate_labeled", "evaluate_predicted", "evaluate_bin", "evaluate_slice"),
    ),
    "compare": (
        *("compare_models", "compare_all", "compare_dataset", "compare_split", "compare_view"),
        *("compare_labeled", "compare_predicted", "compare_first", "compare_outcome"),
    ),
    "live": (
        *("live_from", "live_model", "live_detector", "live_facing", "live_mirror_Front"),
        *("live_bars", "live_map", "live_hide", "live_smallest", "live_smoothing", "live_per_s"),
        "live_fps",
    ),
}
WRONG = ("zzz", "", ["zzz", "![i](http://x.example)"], "1" * 100_000)


def open_address(page: str, address: dict[str, str | list[str]]) -> AppTest:
    app = AppTest.from_file(HOME, default_timeout=60)
    app.switch_page(f"app_pages/{page}.py")
    for name, value in address.items():
        app.query_params[name] = value
    with patch("streamlit_webrtc.component.get_this_session_info", return_value=None):
        return app.run()


def notes(app: AppTest) -> list[str]:
    return [as_shown(info.value) for info in app.info if "address" in info.value]


def choices(app: AppTest) -> list[object]:
    widgets = (*app.selectbox, *app.multiselect, *app.button_group, *app.toggle, *app.slider)
    return [(widget.key, widget.value) for widget in widgets]


@pytest.mark.slow
def test_a_page_shows_its_default_for_a_wrong_parameter_and_says_what_it_ignored(two_datasets):
    for page, names in PARAMETERS.items():
        default = choices(open_address(page, {}))
        for first in range(len(WRONG)):
            wrong = islice(cycle(WRONG), first, first + len(names))
            address = dict(zip(names, wrong, strict=True))
            app = open_address(page, address)

            assert not app.exception and choices(app) == default, address
            (note,) = notes(app)
            assert len(note) < 600, note
            named = [name for name in names if not name.endswith(("_model", "_models"))][:3]
            assert all(f"{name}=" in note for name in named), note
            assert notes(app) == [note], "the note stays"


def test_what_a_page_has_is_shown_without_a_note(two_datasets):
    for page, address in (
        ("dataset", {"dataset": "voted", "view": "Faces"}),
        ("evaluate", {"evaluate_model": "custom_cnn", "evaluate_labeled": "sad"}),
        ("evaluate", {"evaluate_view": "Curves", "evaluate_threshold": "0.70"}),
        ("compare", {"compare_models": ["resnet50v2"], "compare_view": "Figures"}),  # an old link
    ):
        app = open_address(page, address)
        assert not app.exception and not notes(app), address


def test_of_a_repeated_parameter_the_models_that_exist_are_taken(two_datasets):
    app = open_address("compare", {"compare_models": ["resnet50v2", "custom_cnn", "zzz"]})
    assert not notes(app) and "There is no model 'zzz' any more" in texts(app)
    assert app.multiselect(key="compare_models").value == ["resnet50v2", "custom_cnn"]
