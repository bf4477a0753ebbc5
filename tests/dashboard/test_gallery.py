import numpy as np

from dashboard.components.gallery import gallery_html
from pipeline.labels import COLOURS


def test_gallery_shows_each_face_with_its_caption_escaped():
    faces = np.zeros((2, 48, 48), np.uint8)
    html = gallery_html(faces, ["happy 90.0 %", "<b>&"])
    assert html.count("data:image/png;base64,") == 2
    assert COLOURS["happy"] in html
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html


def test_gallery_of_no_faces_is_an_empty_grid():
    assert "<figure>" not in gallery_html(np.zeros((0, 48, 48), np.uint8), [])
