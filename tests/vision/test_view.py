import numpy as np
import pytest

from pipeline.labels import COLOURS
from pipeline.vision.faces import Box
from pipeline.vision.overlay import draw_faces, draw_problem
from pipeline.vision.privacy import hide_all, hide_faces
from pipeline.vision.snapshot import LiveSettings
from pipeline.vision.view import draw_look
from pipeline.vision.worker import Look
from tests.vision.conftest import plain, shown_face, textured

NOW = 1000.0
FACE = shown_face(box=Box(120, 150, 100, 140))
OTHER_BOX = Box(450, 300, 90, 90)


def look(*faces, since_s: float = 0.1, boxes=None, size=(480, 640), problem=None) -> Look:
    where = tuple(face.box for face in faces) if boxes is None else boxes
    return Look(NOW - since_s, faces, where, size=size, problem=problem)


def view(frame: np.ndarray, seen: Look, **settings) -> np.ndarray:
    return draw_look(frame.copy(), seen, LiveSettings(**settings), NOW)


def drawn_on(frame: np.ndarray, picture: np.ndarray) -> np.ndarray:
    return (frame != picture).any(axis=2)


def test_the_frame_itself_is_drawn_on():
    frame = textured()
    assert draw_look(frame, look(FACE), LiveSettings(), NOW) is frame
    expected = textured()
    draw_faces(expected, [FACE])
    np.testing.assert_array_equal(frame, expected)


def test_without_faces_the_frame_stays_as_it_is():
    np.testing.assert_array_equal(view(textured(), look()), textured())


def test_bars_are_drawn_if_chosen():
    expected = textured()
    draw_faces(expected, [FACE], bars=True)
    np.testing.assert_array_equal(view(textured(), look(FACE), bars=True), expected)


def test_a_problem_is_written_on_the_frame():
    expected = textured()
    draw_problem(expected, "Recognition fails.")
    picture = view(textured(), look(problem="Recognition fails."))
    np.testing.assert_array_equal(picture, expected)
    assert drawn_on(textured(), picture).any()


def test_a_mirrored_frame_is_a_new_one_and_the_old_one_stays():
    frame = textured()
    picture = draw_look(frame, look(FACE), LiveSettings(mirror=True), NOW)
    assert not np.shares_memory(picture, frame)
    assert picture.flags.c_contiguous
    np.testing.assert_array_equal(frame, textured())


def test_a_mirrored_frame_is_the_mirror_image_but_for_what_is_drawn():
    frame = textured()
    picture = view(frame, look(FACE), mirror=True, bars=True)
    drawn = drawn_on(frame[:, ::-1], picture)
    as_filmed = drawn_on(frame, view(frame, look(FACE), bars=True))
    assert 0 < drawn.mean() < 0.2
    assert drawn.sum() == pytest.approx(as_filmed.sum(), rel=0.05)
    rows, columns = drawn.nonzero()
    assert columns.min() > 640 - 120 - 100 - 250
    assert rows.min() > 100


def test_a_mirrored_box_stands_where_the_mirrored_face_is():
    picture = view(plain(), look(FACE), mirror=True)
    happy = list(bytes.fromhex(COLOURS["happy"][1:]))[::-1]
    row = (picture[260] == happy).all(axis=1).nonzero()[0]
    assert row.min() == pytest.approx(640 - 120 - 100, abs=2)
    assert row.max() == pytest.approx(640 - 120, abs=2)


@pytest.mark.parametrize("problem", [None, "Recognition fails."])
def test_letters_can_be_read_in_a_mirrored_frame(problem):
    as_filmed = view(plain(), look(FACE, problem=problem), bars=True)
    mirrored = view(plain(), look(FACE, problem=problem), mirror=True, bars=True)
    moved = 640 - 120 - 100 - 120
    label = as_filmed[100:150, 116:280]
    np.testing.assert_array_equal(mirrored[100:150, 116 + moved : 280 + moved], label)
    np.testing.assert_array_equal(mirrored[440:], as_filmed[440:])
    assert (as_filmed[440:] != 90).any() == (problem is not None)


def test_a_mirrored_map_still_speaks_of_the_same_side_of_the_face():
    activation = np.zeros((6, 6), np.float32)
    activation[:, :2] = 1.0
    face = shown_face(box=FACE.box, activation=activation)
    for mirror, warm in ((False, slice(125, 145)), (True, slice(640 - 145, 640 - 125))):
        picture = view(plain(), look(face), mirror=mirror, activation_map=True).astype(int)
        warmth = (picture[170:270, :, 2] - picture[170:270, :, 0]).mean(axis=0)
        assert (warmth[warm] > 80).all()
        inner = slice(180, 215) if not mirror else slice(640 - 215, 640 - 180)
        assert (warmth[inner] < 20).all()


def hidden(*boxes: Box, faces=()) -> np.ndarray:
    expected = textured()
    hide_faces(expected, boxes)
    draw_faces(expected, faces)
    return expected


def wholly_hidden(*faces) -> np.ndarray:
    expected = textured()
    hide_all(expected)
    draw_faces(expected, faces)
    return expected


def test_faces_are_hidden_and_marked_on_top():
    picture = view(textured(), look(FACE), hide_faces=True)
    np.testing.assert_array_equal(picture, hidden(FACE.box, faces=[FACE]))


def test_faces_that_do_not_show_yet_are_hidden_too():
    picture = view(textured(), look(FACE, boxes=(FACE.box, OTHER_BOX)), hide_faces=True)
    np.testing.assert_array_equal(picture, hidden(FACE.box, OTHER_BOX, faces=[FACE]))


def test_hidden_faces_are_hidden_where_they_are_in_a_mirrored_frame():
    picture = view(textured(), look(boxes=(FACE.box,)), hide_faces=True, mirror=True)
    np.testing.assert_array_equal(picture, hidden(FACE.box)[:, ::-1])


def test_no_map_is_laid_over_a_hidden_face():
    mapped = shown_face(box=FACE.box, activation=np.ones((6, 6), np.float32))
    picture = view(textured(), look(mapped), hide_faces=True, activation_map=True)
    np.testing.assert_array_equal(picture, hidden(FACE.box, faces=[FACE]))


def test_a_frame_known_to_have_no_face_is_shown():
    np.testing.assert_array_equal(view(textured(), look(), hide_faces=True), textured())


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(Look(), id="nothing was seen yet"),
        pytest.param(look(FACE, since_s=1.01), id="the last look is older than a second"),
        pytest.param(look(FACE, size=(240, 320)), id="the last look was at another size"),
        pytest.param(look(FACE, size=(640, 480)), id="the video was turned"),
        pytest.param(look(size=(240, 320)), id="no face was in a frame of another size"),
    ],
)
def test_the_whole_frame_is_hidden_while_it_is_not_known_where_faces_are(seen):
    picture = view(textured(), seen, hide_faces=True)
    np.testing.assert_array_equal(picture, wholly_hidden(*seen.faces))


def test_the_whole_frame_is_hidden_when_recognition_fails():
    expected = wholly_hidden()
    draw_problem(expected, "Recognition fails.")
    picture = view(textured(), look(problem="Recognition fails."), hide_faces=True)
    np.testing.assert_array_equal(picture, expected)


def test_a_look_of_up_to_a_second_ago_still_tells_where_faces_are():
    picture = view(textured(), look(FACE, since_s=0.99), hide_faces=True)
    np.testing.assert_array_equal(picture, hidden(FACE.box, faces=[FACE]))
