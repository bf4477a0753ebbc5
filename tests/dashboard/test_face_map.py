import json
from types import SimpleNamespace

import numpy as np
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.charts.face_map import NO_DEFECT, face_map
from dashboard.charts.style import SERIES
from dashboard.components.dataset.face_map import choose_drawn, defect_groups
from dashboard.components.dataset.selection import chosen
from pipeline.data.audit import FINDINGS, Audit, audit, keep_audit
from pipeline.data.groups import NO_GROUP
from pipeline.evaluation.face_map import FaceMap, keep_map, kept_map
from pipeline.evaluation.jobs import MapJob
from pipeline.labels import COLOURS, EMOTIONS
from pipeline.workspace import PROJECT
from tests.conftest import wait_for
from tests.evaluation.makers import make_dataset

HOME = str(PROJECT / "dashboard" / "Home.py")
N = 30


def draw(groups, legend):
    positions = np.arange(len(groups)) * 10
    points = np.random.default_rng(0).random((len(groups), 2), np.float32)
    hints = np.array([f"hint {i}" for i in range(len(groups))])
    return points, face_map(positions, points, np.array(groups), legend, hints)


def keep_some_map(dataset, source="pixels", weights="") -> None:
    points = np.random.default_rng(0).random((N, 2), np.float32)
    keep_map(dataset, FaceMap(np.arange(N), points, source, weights))


def open_map() -> AppTest:
    app = AppTest.from_file(HOME, default_timeout=60)
    app.session_state["view"] = "Map"
    app.run()
    app.switch_page("app_pages/dataset.py").run()
    assert not app.exception
    return app


def button(app: AppTest, label: str):
    return next(button for button in app.button if button.label == label)


def colours(app: AppTest):
    return next(control for control in app.segmented_control if control.label == "Colour by")


def drawn_groups(app: AppTest) -> list[str]:
    (chart,) = app.get("plotly_chart")
    return [trace["name"] for trace in json.loads(chart.proto.spec)["data"]]


def test_each_emotion_is_a_trace_in_its_colour_that_carries_the_positions():
    groups = ["happy", "sad", "happy", "angry"]
    points, figure = draw(groups, EMOTIONS)

    assert [trace.name for trace in figure.data] == ["angry", "happy", "sad"]
    for trace in figure.data:
        mine = np.flatnonzero(np.array(groups) == trace.name)
        assert trace.marker.color == COLOURS[trace.name]
        np.testing.assert_array_equal(trace.customdata, mine * 10)
        np.testing.assert_array_equal(np.stack([trace.x, trace.y], axis=1), points[mine])
        assert list(trace.hovertext) == [f"hint {i}" for i in mine]


def test_the_axes_are_alike_and_mean_nothing_and_a_drag_is_a_lasso():
    layout = draw(["happy", "sad"], EMOTIONS)[1].layout

    assert (layout.xaxis.visible, layout.yaxis.visible) == (False, False)
    assert (layout.yaxis.scaleanchor, layout.dragmode) == ("x", "lasso")


def test_every_finding_has_a_look_of_its_own_below_which_lie_faces_without():
    legend = [NO_DEFECT, *FINDINGS]
    figure = draw(legend, legend)[1]

    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data}
    assert [trace.name for trace in figure.data] == legend
    assert len(looks) == len(legend)
    assert figure.data[0].marker.color not in SERIES


def test_a_face_with_several_defects_belongs_to_the_rarest():
    identical = np.array([0, 0, 0, 1, 1, NO_GROUP], np.int32)
    none, no_group = np.zeros(6, np.bool_), np.full(6, NO_GROUP, np.int32)
    leaks = np.array([True, True, True, False, False, False])
    flat = np.array([True, False, False, False, False, False])
    made = Audit(identical, no_group, leaks, none, none, flat, None, None)

    groups, legend = defect_groups(made, np.array([0, 1, 3, 5]))

    assert groups.tolist() == ["flat", "leaks", "identical", NO_DEFECT]
    assert legend[0] == NO_DEFECT and set(groups) <= set(legend)


def test_drawn_points_become_the_chosen_faces_and_none_changes_nothing():
    st.session_state.clear()
    for points in ([{"customdata": 20}, {"customdata": 3}], []):
        st.session_state["map"] = SimpleNamespace(selection=SimpleNamespace(points=points))
        choose_drawn("map")

    assert chosen() == {"points": (3, 20)}


def test_without_a_map_the_view_says_what_it_is_for_and_draws_it_in_a_process_of_its_own():
    dataset = make_dataset(n=N)
    app = open_map()
    assert any("faces that look alike side by side" in text.value for text in app.markdown)

    button(app, "Draw the map").click().run()
    process = MapJob("faces").process()
    process.suspend()  # or the work may be done before the page shows it
    assert "Laying out 30 faces" in app.get("progress")[0].proto.text
    assert "Laying out 30 faces" in open_map().get("progress")[0].proto.text  # as after a reload
    process.resume()
    wait_for(lambda: not MapJob("faces").running())

    app.run()
    assert not app.exception and not app.error
    assert drawn_groups(app) == list(EMOTIONS)
    assert kept_map(dataset) is not None


def test_a_map_under_way_can_be_cancelled():
    make_dataset(n=N)
    app = open_map()
    button(app, "Draw the map").click().run()

    button(app, "Cancel").click().run()

    assert not MapJob("faces").folder.exists()
    assert button(app, "Draw the map")


def test_a_failed_map_says_why_and_can_be_tried_again():
    make_dataset(n=N)
    folder = MapJob("faces").folder
    folder.mkdir(parents=True)
    (folder / "log").write_text("There is nothing to map.\n")

    app = open_map()

    assert app.error[0].value == "There is nothing to map."
    assert button(app, "Draw the map")


def test_a_kept_map_is_coloured_by_label_split_or_once_audited_by_defect():
    dataset = make_dataset(n=N)
    keep_some_map(dataset)
    app = open_map()
    assert drawn_groups(app) == list(EMOTIONS)
    assert colours(app).options == ["label", "split"]

    keep_audit(dataset, audit(dataset))
    colours(app).set_value("split").run()
    assert drawn_groups(app) == ["train", "test"]
    colours(app).set_value("defect").run()
    assert drawn_groups(app) == [NO_DEFECT]
    assert "the colour of the rarest" in app.caption[0].value
    assert not app.exception


def test_the_map_of_a_model_is_another_one():
    keep_some_map(make_dataset(n=N))
    app = open_map()

    app.selectbox(key="map_by").select("custom_cnn").run()

    assert not app.get("plotly_chart")
    assert button(app, "Draw the map")
