import base64

import cv2
import numpy as np
from streamlit.testing.v1 import AppTest

from pipeline.labels import COLORS
from tests.dashboard.pages import tiles


def page() -> None:
    import numpy as np
    import streamlit as st

    from dashboard.widgets.gallery import Tile, gallery

    n = st.session_state.get("n", 100)

    def make(part: slice) -> list[Tile]:
        numbers = range(n)[part]
        return [Tile(np.full((48, 48), n, np.uint8), f"happy <b>{n}") for n in numbers]

    gallery("faces", n, make, per_page=30)


def test_a_page_holds_its_faces_and_a_page_beyond_the_last_becomes_the_first():
    app = AppTest.from_function(page).run()
    shown = tiles(app)
    assert [tile["caption"] for tile in shown] == [f"happy <b>{n}" for n in range(30)]
    assert {tile["color"] for tile in shown} == {COLORS["happy"]}
    png = base64.b64decode(shown[7]["source"].partition(",")[2])
    face = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert face.shape == (48, 48) and (face == 7).all()
    assert app.caption[0].value == "Page 1 of 4 · faces 1–30 of 100"

    app.session_state["faces"] = 4
    assert len(tiles(app.run())) == 10
    for fewer in (70, 20):  # three pages, and one
        app.session_state["n"] = fewer
        assert tiles(app.run())[0]["caption"] == "happy <b>0"


def test_a_few_pages_are_all_offered():
    app = AppTest.from_function(page).run()
    pages = app.get("button_group")[0]
    assert pages.options == ["1", "2", "3", "4"]
    pages.set_value(3).run()
    assert app.caption[0].value == "Page 3 of 4 · faces 61–90 of 100"


def test_a_page_that_the_control_leaves_out_can_be_typed():
    def many() -> None:
        import numpy as np

        from dashboard.widgets.gallery import Tile, gallery

        def make(part: slice) -> list[Tile]:
            return [Tile(np.full((48, 48), n, np.uint8), str(n)) for n in range(100)[part]]

        gallery("faces", 100, make, per_page=10)

    app = AppTest.from_function(many).run()
    app.number_input[0].set_value(9).run()
    assert [tile["caption"] for tile in tiles(app)] == [str(n) for n in range(80, 90)]
    assert app.caption[0].value == "Page 9 of 10 · faces 81–90 of 100"
