"""Text is text: what people and files name has no effect on a page."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.widgets.markdown import escape_markdown
from pipeline.evaluation.comparison import paired_differences
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.predictions import load_predictions
from pipeline.report.charts.comparison import accuracy_differences, f1_by_emotion
from pipeline.runs import Run
from tests.dashboard.made_runs import make_queued, make_running
from tests.dashboard.markdown_uses import read_sources, unsafe_texts
from tests.dashboard.pages import HOME, as_shown
from tests.evaluation.makers import make_dataset, make_run

HOSTILE = "![i](http://evil.example/i.png) :material/home: <b>x</b> $x^2$ **b** a@evil.example"
ACTIVE = ("![i](", "http://", ":material/home:", "<b>x</b>", "$x^2$", "**b**", "a@evil")

PLAIN = {
    *("Selectbox.options", "MultiSelect.options", "TextInput.default", "TextInput.value"),
    *("Text.body", "TextArea.default", "TextArea.value", "Selectbox.raw_value"),
    *("MultiSelect.raw_values", "MultiSelect.placeholder", "BidiComponent.json"),
}
"""Fields of Streamlit's messages that it shows as they are."""


def fields(message: Any) -> Iterator[tuple[str, str]]:
    """Yield name and content of each text of a message and of those in it."""
    for field, value in message.ListFields():
        name = f"{message.DESCRIPTOR.name}.{field.name}"
        values = value if field.is_repeated else [value]
        for each in values:
            if isinstance(each, str) and not name.endswith((".id", ".alt")):
                yield name, each
            elif hasattr(each, "ListFields"):
                yield from fields(each)


def messages(node: Any) -> Iterator[Any]:
    if getattr(node, "proto", None) is not None:
        yield node.proto
    for child in getattr(node, "children", {}).values():
        yield from messages(child)


def effects(app: AppTest) -> list[tuple[str, str]]:
    """Return what takes effect on a page though it should be shown, with its field."""
    found = []
    for message in messages(app._tree):
        for name, text in fields(message):
            if name == "PlotlyChart.spec":
                text = json.dumps(json.loads(text), ensure_ascii=False)
                found += [(name, text)] * ("<b>x</b>" in text)
            elif name not in PLAIN:
                found += [(name, active) for active in ACTIVE if active in text]
    return found


def open_address(page: str, **address: str) -> AppTest:
    app = AppTest.from_file(HOME, default_timeout=60)
    app.switch_page(f"app_pages/{page}.py")
    app.query_params.update(address)
    app.run()
    assert not app.exception, (page, address)
    return app


def name_badly(run: Run) -> Run:
    run.change_notes(name=HOSTILE, note=HOSTILE, tags=[HOSTILE], experiment=HOSTILE)
    run.update_status(message=HOSTILE)
    return run


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_bundled")
def test_no_name_note_message_or_address_takes_effect_on_any_page():
    dataset = make_dataset()
    runs = [name_badly(make_run(dataset, seed=seed)) for seed in range(2)]
    for other in (make_running(), *make_queued("", "")):
        name_badly(other)
    failed = name_badly(make_run(dataset, evaluated=False))
    failed.update_status(state="failed")

    seen = 0
    for page, address in (
        ("overview", {"x": HOSTILE}),
        ("dataset", {"dataset": HOSTILE}),
        ("train", {"train.view": HOSTILE}),
        ("train", {"train.view": "Experiments"}),
        ("train", {"train.view": "New run"}),
        ("evaluate", {"evaluate_model": runs[0].name, "evaluate_slice": HOSTILE}),
        ("compare", {HOSTILE: "x"}),
        ("compare", {"compare_view": "Pairwise"}),
        ("compare", {"compare_view": "Curves"}),
        ("compare", {"compare_view": "Config diff"}),
    ):
        app = open_address(page, **address)
        assert not effects(app), (page, address)
        seen += sum(as_shown(text).count("![i](http") for m in messages(app._tree)
                    for _, text in fields(m))  # fmt: skip
    assert seen > 10, "the names are shown"


def test_all_markdown_of_the_dashboard_is_written_here_or_escaped():
    assert unsafe_texts(read_sources()) == []


def test_markdown_that_is_not_escaped_is_found():
    source = """
import streamlit as st
from dashboard.widgets.markdown import escape_markdown
def label(name: str) -> str:
    return f"**{name}**"
def show(run, counts: dict[str, int], n: int) -> None:
    st.markdown(f"{n} {len(counts):,} {escape_markdown(run.name)}")
    name = run.name
    st.caption("a run" if n else f"{name} is gone")
    st.button(label(run.title))
    with st.sidebar as side:
        side.error(str(run.error))
    for kind, count in counts.items():
        st.metric(kind, count)
    try:
        st.tabs(["a", "b"])
    except ValueError as error:
        st.warning(error, icon=":material/warning:")
    st.radio("Which", run.names, format_func=escape_markdown)
    st.radio("Which", run.names)
"""
    found = unsafe_texts({"dashboard.planted": source})
    assert {text.split(": ")[1].split(" (")[0] for text in found} == {
        *("run.title", "ValueError", "run.names", "run.error", "run.name", "counts")
    }


def test_a_name_has_no_effect_in_a_chart():
    dataset = make_dataset()
    runs = [make_run(dataset, seed=seed) for seed in range(2)]
    predictions = [load_predictions(run, run.evaluation_paths()[0]) for run in runs]
    name = "<b>x</b> <a href='http://evil.example'>%{y} &lt;"
    labels = {runs[0].name: name, runs[1].name: "b"}
    for figure in (
        accuracy_differences(paired_differences(predictions), labels),
        f1_by_emotion({name: compute_metrics(predictions[0])}),
    ):
        text = json.dumps(json.loads(figure.to_json()), ensure_ascii=False)
        assert "&lt;b&gt;x&lt;/b&gt; &lt;a href" in text and "&#37;{y} &amp;lt;" in text
        assert "<b>x" not in text and "<a" not in text and "&gt;%{y}" not in text


def test_escaped_markdown_is_the_text_itself_without_an_effect():
    hostile = "![i](http://a.b/i.png) :material/home: :red[x] <b>x</b> $x$ **b** a@b.c www.a.b &lt;"
    for text in (hostile, "a_b-c.d", "--force", "a -> b", "x: y", "a & b", "# a", "1. a", "_a_"):
        assert as_shown(escape_markdown(text)) == text
    escaped = escape_markdown(hostile)
    for active in ("![", "http:/", ":mat", ":red[", " <b", " $x", "**", "a@b", "www.", " &lt"):
        assert active not in escaped, active
    assert escape_markdown("a\n\n  b\ud800\n===") == "a  \nb\ufffd  \n\\==="
