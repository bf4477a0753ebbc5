import json
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.views.dataset.face_map import finding_groups, set_by_lasso
from dashboard.views.dataset.filters import FILTERS
from pipeline.data.audit import FINDINGS, Audit, audit, save_audit
from pipeline.data.duplicates import NO_GROUP
from pipeline.evaluation.face_map import FaceMap, load_map, save_map
from pipeline.jobs import map_job
from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.charts.face_map import NO_DEFECT, face_map
from pipeline.report.charts.style import SERIES
from tests.conftest import wait_for
from tests.dashboard.pages import button, open_dataset
from tests.evaluation.makers import make_dataset

N = 30


def draw(groups, legend):
    positions = np.arange(len(groups)) * 10
    points = np.random.default_rng(0).random((len(groups), 2), np.float32)
    hints = np.array([f"hint {i}" for i in range(len(groups))])
    return points, face_map(positions, points, np.array(groups), legend, hints)


def drawn_groups(app: AppTest) -> list[str]:
    (chart,) = app.get("plotly_chart")
    return [trace["name"] for trace in json.loads(chart.proto.spec)["data"]]


def test_each_emotion_is_a_trace_in_its_color_that_carries_the_positions():
    groups = ["happy", "sad", "happy", "angry"]
    points, figure = draw(groups, EMOTIONS)

    assert [trace.name for trace in figure.data] == ["angry", "happy", "sad"]
    for trace in figure.data:
        rows = np.flatnonzero(np.array(groups) == trace.name)
        assert trace.marker.color == COLORS[trace.name]
        np.testing.assert_array_equal(trace.customdata, rows * 10)
        np.testing.assert_array_equal(np.stack([trace.x, trace.y], axis=1), points[rows])
        assert list(trace.hovertext) == [f"hint {i}" for i in rows]
    layout = figure.layout  # equal axes without meaning; a drag draws a lasso
    assert (layout.xaxis.visible, layout.yaxis.visible) == (False, False)
    assert (layout.yaxis.scaleanchor, layout.dragmode) == ("x", "lasso")


def test_every_finding_has_a_style_of_its_own_above_faces_without():
    legend = [NO_DEFECT, *FINDINGS]
    figure = draw(legend, legend)[1]

    styles = {(trace.marker.color, trace.marker.symbol) for trace in figure.data}
    assert [trace.name for trace in figure.data] == legend
    assert len(styles) == len(legend)
    assert figure.data[0].marker.color not in SERIES


def test_a_face_with_several_findings_belongs_to_the_rarest():
    duplicates = np.array([0, 0, 0, 1, 1, NO_GROUP], np.int32)
    none, no_group = np.zeros(6, np.bool_), np.full(6, NO_GROUP, np.int32)
    leaks = np.array([True, True, True, False, False, False])
    low_contrast = np.array([True, False, False, False, False, False])
    stored = Audit(duplicates, no_group, leaks, none, none, low_contrast, None, None)

    groups, legend = finding_groups(stored, np.array([0, 1, 3, 5]))

    assert groups.tolist() == ["low contrast", "leaks", "duplicates", NO_DEFECT]
    assert legend[0] == NO_DEFECT and set(groups) <= set(legend)


def test_a_lasso_filters_the_faces_inside_and_an_empty_one_changes_nothing():
    st.session_state.clear()
    for points in ([{"customdata": 20}, {"customdata": 3}], []):
        st.session_state["map"] = SimpleNamespace(selection=SimpleNamespace(points=points))
        set_by_lasso("map")
    assert FILTERS.active() == {"points": (3, 20)}


@pytest.mark.slow
def test_a_map_is_computed_in_a_process_of_its_own_and_can_be_canceled():
    dataset = make_dataset(n=N)
    app = open_dataset("Map")
    assert any("similar faces close together" in text.value for text in app.markdown)
    button(app, "Compute map").click().run()
    button(app, "Cancel").click().run()
    assert not map_job("faces").folder.exists()

    button(app, "Compute map").click().run()
    process = map_job("faces").process()
    process.suspend()  # or the work may be done before the page shows it
    progress = "Computing the map of 30 faces"
    assert progress in app.get("progress")[0].proto.text
    reloaded = open_dataset("Map")
    assert progress in reloaded.get("progress")[0].proto.text
    process.resume()
    wait_for(lambda: not map_job("faces").running())

    app.run()
    assert not app.exception and not app.error
    assert drawn_groups(app) == list(EMOTIONS)
    assert load_map(dataset) is not None


def test_a_failed_map_says_why_and_can_be_tried_again():
    make_dataset(n=N)
    folder = map_job("faces").folder
    folder.mkdir(parents=True)
    (folder / "log").write_text("There is nothing to map.\n")
    app = open_dataset("Map")
    assert app.error[0].value == "There is nothing to map."
    assert button(app, "Compute map")


def test_a_stored_map_is_colored_by_label_split_or_after_an_audit_by_finding():
    dataset = make_dataset(n=N)
    points = np.random.default_rng(0).random((N, 2), np.float32)
    save_map(dataset, FaceMap(np.arange(N), points, "pixels", ""))
    app = open_dataset("Map")
    colors = next(control for control in app.segmented_control if control.label == "Color by")
    assert drawn_groups(app) == list(EMOTIONS)
    assert colors.options == ["label", "split"]

    save_audit(dataset, audit(dataset))
    colors.set_value("split").run()
    assert drawn_groups(app) == ["train", "test"]
    colors = next(control for control in app.segmented_control if control.label == "Color by")
    colors.set_value("finding").run()
    assert drawn_groups(app) == [NO_DEFECT]
    assert "the color of the rarest" in app.caption[0].value and not app.exception

    app.selectbox(key="map_by").select("custom_cnn").run()  # the map of a model is another one
    assert not app.get("plotly_chart") and button(app, "Compute map")
