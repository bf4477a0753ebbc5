import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision.faces import Box, crop_face
from pipeline.vision.reader import FaceReader
from pipeline.vision.temperature import scale
from tests.vision.conftest import Saying, make_detector, shares, shown_face

LEFT, RIGHT = Box(10, 10, 100, 100), Box(300, 200, 100, 100)
GRAY = np.random.default_rng(3).integers(0, 256, (480, 640), dtype=np.uint8)


@pytest.fixture
def finds():
    return make_detector(LEFT)


def make_reader(finds, says: Saying, smoothing_s: float = 0.0, **options) -> FaceReader:
    return FaceReader(finds(60), says, smoothing_s, **options)


def read(reader: FaceReader, *times: float):
    for now in times:
        faces = reader.read(GRAY, now)
    return faces


def test_a_face_shows_from_its_second_picture_on(finds, saying):
    reader = make_reader(finds, saying)
    assert reader.read(GRAY, 0.0) == ()
    (face,) = reader.read(GRAY, 0.1)
    assert (face.number, face.box, face.emotion, face.label) == (1, LEFT, "happy", "happy")
    assert face.confidence == pytest.approx(0.76)
    np.testing.assert_array_equal(face.probabilities, saying.says)
    np.testing.assert_array_equal(face.picture, crop_face(GRAY, LEFT))


def test_an_uncertain_face_is_told_so():
    assert shown_face(emotion=None).label == "uncertain"
    assert shown_face(emotion="sad").label == "sad"


def test_a_face_whose_emotions_are_close_has_no_label(finds, saying):
    reader = make_reader(finds, saying)
    read(reader, 0.0, 0.1)
    saying.says = shares(happy=0.41, sad=0.35)
    assert read(reader, 0.2)[0].label == "happy", "five points keep a label"
    saying.says = shares(happy=0.41, sad=0.37)
    face = read(reader, 0.3)[0]
    assert (face.emotion, face.label) == (None, "uncertain")
    saying.says = shares(happy=0.41, sad=0.35)
    assert read(reader, 0.4)[0].label == "uncertain", "a lost label needs ten points"


def test_the_label_goes_by_the_models_temperature(finds):
    class Warm(Saying):
        def calibrated(self, probabilities):
            return scale(probabilities, 5.0)

    says = Warm(happy=0.3, sad=0.18)
    (face,) = read(make_reader(finds, says), 0.0, 0.1)
    assert face.emotion is None, "twelve points are fewer than five at this temperature"
    assert face.confidence == pytest.approx(scale(says.says, 5.0).max())
    np.testing.assert_array_equal(face.probabilities, says.says)


def test_all_faces_are_recognised_in_one_batch(recognizer):
    reader = FaceReader(make_detector(LEFT, RIGHT)(60), recognizer, 0.0)
    assert len(read(reader, 0.0, 0.1)) == 2
    assert recognizer.batches == [2, 2]


class Slow(Saying):
    """Takes 20 ms a face by a clock of its own."""

    def __init__(self, monkeypatch, **leading):
        super().__init__(**leading)
        self.batches, self.now = [], 0.0
        monkeypatch.setattr("pipeline.vision.reader.monotonic", lambda: self.now)

    def predict(self, faces):
        self.batches.append(len(faces))
        self.now += 0.02 * len(faces)
        return super().predict(faces)


def test_more_faces_than_there_is_time_for_take_turns(monkeypatch):
    boxes = [Box(120 * i, 100, 100, 100) for i in range(5)]
    slow = Slow(monkeypatch, happy=0.9)
    reader = FaceReader(make_detector(*boxes)(60), slow, 0.0, longest_s=0.05)
    assert read(reader, 0.0) == ()
    assert slow.batches == [5], "how long a face takes is not known yet"
    assert [face.box for face in read(reader, 0.1)] == boxes
    slow.says = shares(sad=0.9)
    told = [sum(face.emotion == "sad" for face in read(reader, now)) for now in (0.2, 0.3, 0.4)]
    assert told == [2, 4, 5], "those that waited longest come first"
    assert slow.batches == [5, 2, 2, 2, 2]


def test_a_face_whose_turn_did_not_come_yet_does_not_show(monkeypatch, finds):
    slow = Slow(monkeypatch, happy=0.9)
    reader = make_reader(finds, slow, longest_s=0.01)
    read(reader, 0.0, 0.1)
    finds.boxes = [LEFT, *(Box(120 * i, 300, 100, 100) for i in range(4))]
    assert [len(read(reader, now)) for now in (0.2, 0.3, 0.4, 0.5)] == [1, 3, 4, 5]


def test_without_faces_nothing_is_recognised(recognizer):
    reader = FaceReader(make_detector()(60), recognizer, 0.0)
    assert read(reader, 0.0, 0.1) == ()
    assert recognizer.batches == []
    assert set(reader.seconds) == {"detect"}


def test_the_stages_of_a_picture_are_timed(finds, saying):
    reader = make_reader(finds, saying)
    reader.read(GRAY, 0.0)
    assert set(reader.seconds) == {"detect", "recognise"}
    assert all(seconds >= 0 for seconds in reader.seconds.values())


def test_boxes_also_tell_of_faces_that_do_not_show_yet_or_any_more(finds, saying):
    reader = make_reader(finds, saying)
    reader.read(GRAY, 0.0)
    assert reader.boxes == (LEFT,)
    reader.read(GRAY, 0.1)
    finds.boxes = [RIGHT]
    assert [face.box for face in reader.read(GRAY, 0.2)] == [LEFT]
    assert set(reader.boxes) == {LEFT, RIGHT}
    reader.read(GRAY, 5.0)
    assert reader.boxes == (RIGHT,)


def test_maps_are_made_when_asked_for_and_are_of_the_likeliest_emotion(finds, saying):
    reader = make_reader(finds, saying)
    assert read(reader, 0.0, 0.1)[0].activation is None
    reader.explains = True
    activation = read(reader, 0.2)[0].activation
    np.testing.assert_array_equal(activation, np.full((6, 6), EMOTIONS.index("happy")))
    saying.says = shares(surprise=0.9)
    assert (read(reader, 0.3)[0].activation == EMOTIONS.index("surprise")).all()
    reader.explains = False
    assert read(reader, 0.4)[0].activation is None


def test_smoothing_may_change_from_one_picture_to_the_next(finds, saying):
    reader = make_reader(finds, saying, smoothing_s=1e6)
    read(reader, 0.0, 0.1)
    saying.says = shares(sad=0.9)
    assert read(reader, 0.2)[0].emotion == "happy"
    reader.smoothing_s = 0.0
    assert read(reader, 0.3)[0].emotion == "sad"


def test_another_detector_goes_on_with_the_same_faces(saying):
    reader = FaceReader(make_detector(LEFT, RIGHT)(60), saying, 0.0)
    read(reader, 0.0, 0.1)
    reader.detector = make_detector(RIGHT)(60)
    assert [face.number for face in read(reader, 0.7)] == [2]


def test_another_model_keeps_the_numbers_and_forgets_what_the_faces_showed(saying):
    reader = FaceReader(make_detector(LEFT, RIGHT)(60), saying, smoothing_s=1e6)
    read(reader, 0.0, 0.1)
    other = Saying(sad=0.41, happy=0.34)
    reader.use(other)
    faces = read(reader, 0.2)
    assert [face.number for face in faces] == [1, 2]
    for face in faces:
        np.testing.assert_array_equal(face.probabilities, other.says)
        assert face.emotion is None, "seven points do not give a new label"


def test_another_model_forgets_a_face_that_did_not_show_yet(saying):
    reader = FaceReader(make_detector(LEFT)(60), saying, smoothing_s=1e6)
    assert read(reader, 0.0) == ()
    other = Saying(sad=0.9)
    reader.use(other)
    (face,) = read(reader, 0.1)
    np.testing.assert_array_equal(face.probabilities, other.says)


def test_numbers_go_on_after_the_video_changed_its_size(saying):
    reader = FaceReader(make_detector(LEFT)(60), saying, 0.0)
    read(reader, 0.0, 0.1)
    reader.begin_anew()
    assert read(reader, 0.2) == ()
    assert [face.number for face in read(reader, 0.3)] == [2]


def test_a_reader_of_a_picture_of_one_pixel_finds_the_face_in_it(finds, saying):
    reader = make_reader(finds, saying)
    for now in (0.0, 0.1):
        faces = reader.read(np.zeros((1, 1), np.uint8), now)
    assert faces[0].picture.shape == (48, 48)


def test_faces_come_in_the_order_of_their_numbers(finds, saying):
    reader = make_reader(finds, saying)
    for boxes, now in (([LEFT], 0.0), ([RIGHT], 0.1), ([RIGHT], 0.2), ([LEFT, RIGHT], 0.3)):
        finds.boxes = boxes
        faces = reader.read(GRAY, now)
    assert [(face.number, face.box) for face in faces] == [(1, RIGHT), (2, LEFT)]
