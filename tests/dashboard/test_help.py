"""Help texts explain: each is a sentence, and says more than the label beside it."""

import ast
import re
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.workspace import PROJECT
from tests.dashboard.pages import open_dataset, open_page

VIEWS = {
    "overview": [{}],
    "evaluate": [
        {"view": view} for view in ("Confusion", "Curves", "Calibration", "Mistakes", "Slices")
    ],
    "compare": [{"view": view} for view in ("Metrics", "Pairwise", "Curves", "Config diff")],
    "live": [{}],
}
SENTENCE = re.compile(r"[A-Z0-9'‘“√].+ .+\.")
FLAG = re.compile(r"(?<![\w(-])--[a-z]")


def widgets(app: AppTest) -> Iterator[tuple[str, str]]:
    """Return label and help of each element that has a help text."""
    for element in app._tree:
        proto = getattr(element, "proto", None)
        if text := getattr(proto, "help", ""):
            yield getattr(proto, "label", ""), text


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}", text.lower()))


@pytest.mark.slow
def test_every_help_is_a_sentence_that_says_more_than_its_label(filled_workspace, monkeypatch):
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    apps = [open_dataset(view) for view in ("Overview", "Faces", "Audit", "Map", "FER+")]
    apps += [open_page(name, **view) for name, views in VIEWS.items() for view in views]
    train = open_page("train")
    apps += [train, train.segmented_control(key="train.view").set_value("New run").run()]
    found = {widget for app in apps for widget in widgets(app)}
    assert len(found) > 40
    assert [text for _, text in found if not SENTENCE.fullmatch(text)] == []
    assert [(label, text) for label, text in found if len(words(text) - words(label)) < 2] == []


def literals(node: ast.AST) -> Iterator[str]:
    """Return the parts of a text that are in the source, docstrings aside."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value


def test_no_text_of_the_dashboard_names_an_option_of_a_command():
    for path in sorted((PROJECT / "dashboard").rglob("*.py")):
        for text in literals(ast.parse(path.read_text())):
            is_argument = re.fullmatch(r"--[a-z-]+", text)  # of a command that a page starts
            assert is_argument or not FLAG.search(text), f"{path.name}: {text}"


def test_every_help_in_the_source_is_a_sentence():
    for path in sorted((PROJECT / "dashboard").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            helps = [k.value for k in getattr(call, "keywords", []) if k.arg == "help"]
            for value in helps:
                if isinstance(value, ast.Constant) and value.value is not None:
                    assert SENTENCE.fullmatch(value.value), f"{path.name}: {value.value}"


def test_every_chart_image_and_table_has_a_description():
    shown = {f"st.{kind}" for kind in ("image", "table", "video", "data_editor")}
    shown |= {"st.dataframe", "st.plotly_chart", "right.plotly_chart"}
    missing = []
    for path in sorted((PROJECT / "dashboard").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in shown:
                if "alt" not in {keyword.arg for keyword in call.keywords}:
                    missing.append(f"{path.relative_to(PROJECT)}:{call.lineno}")
    assert missing == []
