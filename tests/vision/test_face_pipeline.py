import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision.boxes import Box, crop_face
from pipeline.vision.confidence import UNCERTAIN, scale_probabilities
from pipeline.vision.face_pipeline import FacePipeline
from pipeline.vision.face_prediction import FacePrediction
from tests.vision.conftest import StubRecognizer, make_detector, probabilities

LEFT, RIGHT = Box(10, 10, 100, 100), Box(300, 200, 100, 100)
GRAY = np.random.default_rng(3).integers(0, 256, (480, 640), dtype=np.uint8)


@pytest.fixture
def finds():
    return make_detector(LEFT)


def process(pipeline: FacePipeline, *times: float) -> tuple[FacePrediction, ...]:
    for now in times:
        faces = pipeline.process(GRAY, now)
    return faces


def test_a_face_is_returned_from_its_second_frame_on(finds, stub):
    pipeline = FacePipeline(finds(60), stub, 0.0)
    assert process(pipeline, 0.0) == ()
    (face,) = process(pipeline, 0.1)
    assert (face.track_id, face.box, face.label, face.emotion) == (1, LEFT, "happy", "happy")
    assert face.confidence == pytest.approx(0.76) and face.time_s == 0.1
    np.testing.assert_array_equal(face.probabilities, stub.output)
    np.testing.assert_array_equal(face.face_gray, crop_face(GRAY, LEFT))


def test_of_two_faces_among_short_false_ones_two_get_a_number(finds, stub):
    """Twelve seconds at 10 frames a second, with a false face of 0.2 to 0.9 s each second."""
    pipeline, numbers, ids = FacePipeline(finds(60), stub, 0.0), set(), set()
    rng = np.random.default_rng(5)
    for second in range(12):
        false = Box(10 + 230 * (second % 3), 380, 60, 60)
        begin, frames = int(rng.integers(0, 2)), int(rng.integers(2, 9))
        for frame in range(10):
            shows_false = begin <= frame < begin + frames
            finds.boxes = [LEFT, RIGHT, *([false] if shows_false else [])]
            faces = process(pipeline, second + frame / 10)
            numbers |= {(face.number, face.box) for face in faces if face.number}
            ids |= {face.track_id for face in faces}
    assert numbers == {(1, LEFT), (2, RIGHT)}
    assert len(ids) > 8, "the false ones were tracked"


def test_a_label_stays_at_a_lead_of_five_points_and_comes_back_at_ten(finds, stub):
    pipeline = FacePipeline(finds(60), stub, 0.0)
    process(pipeline, 0.0, 0.1)
    for now, sad, label in ((0.2, 0.35, "happy"), (0.3, 0.37, UNCERTAIN), (0.4, 0.35, UNCERTAIN)):
        stub.output = probabilities(happy=0.41, sad=sad)
        (face,) = process(pipeline, now)
        assert (face.label, face.emotion) == (label, "happy"), now


def test_label_and_confidence_depend_on_the_temperature_and_probabilities_do_not(finds):
    class Warm(StubRecognizer):
        def calibrated(self, probabilities):
            return scale_probabilities(probabilities, 5.0)

    warm = Warm(happy=0.3, sad=0.18)
    (face,) = process(FacePipeline(finds(60), warm, 0.0), 0.0, 0.1)
    assert face.label == UNCERTAIN, "a lead of twelve points is less at this temperature"
    assert face.confidence == pytest.approx(scale_probabilities(warm.output, 5.0).max())
    np.testing.assert_array_equal(face.probabilities, warm.output)


def test_all_faces_are_recognized_in_one_batch_and_none_in_no_batch(recognizer):
    assert len(process(FacePipeline(make_detector(LEFT, RIGHT)(60), recognizer, 0.0), 0, 0.1)) == 2
    assert recognizer.batches == [2, 2]
    empty = FacePipeline(make_detector()(60), recognizer, 0.0)
    assert process(empty, 0.0, 0.1) == ()
    assert recognizer.batches == [2, 2]
    assert set(empty.stage_s) == {"detect"}


def test_the_stages_of_a_frame_are_timed(finds, stub):
    pipeline = FacePipeline(finds(60), stub, 0.0)
    process(pipeline, 0.0)
    assert set(pipeline.stage_s) == {"detect", "recognize"}
    assert all(seconds >= 0 for seconds in pipeline.stage_s.values())


class Slow(StubRecognizer):
    """Takes 20 ms for each face, on a clock of its own."""

    def __init__(self, monkeypatch, **given):
        super().__init__(**given)
        self.batches, self.now = [], 0.0
        monkeypatch.setattr("pipeline.vision.face_pipeline.monotonic", lambda: self.now)

    def predict(self, faces):
        self.batches.append(len(faces))
        self.now += 0.02 * len(faces)
        return super().predict(faces)


def test_more_faces_than_there_is_time_for_take_turns(monkeypatch):
    boxes = [Box(120 * i, 100, 100, 100) for i in range(5)]
    slow = Slow(monkeypatch, happy=0.9)
    pipeline = FacePipeline(make_detector(*boxes)(60), slow, 0.0, max_recognition_s=0.05)
    assert process(pipeline, 0.0) == ()
    assert slow.batches == [5], "the time per face is not known yet"
    assert [face.box for face in process(pipeline, 0.1)] == boxes
    slow.output = probabilities(sad=0.9)
    sad = [sum(face.label == "sad" for face in process(pipeline, now)) for now in (0.2, 0.3, 0.4)]
    assert sad == [2, 4, 5], "the longest waiting come first"
    assert slow.batches == [5, 2, 2, 2, 2]
    assert pipeline.recognized_share == 2 / 5


def test_a_face_that_waits_for_its_first_turn_is_not_returned(monkeypatch, finds):
    pipeline = FacePipeline(finds(60), Slow(monkeypatch, happy=0.9), 0.0, max_recognition_s=0.01)
    process(pipeline, 0.0, 0.1)
    finds.boxes = [LEFT, *(Box(120 * i, 300, 100, 100) for i in range(4))]
    assert [len(process(pipeline, now)) for now in (0.2, 0.3, 0.4, 0.5)] == [1, 3, 4, 5]


def test_boxes_include_faces_that_are_not_confirmed_or_not_detected_any_more(finds, stub):
    pipeline = FacePipeline(finds(60), stub, 0.0)
    process(pipeline, 0.0)
    assert pipeline.boxes == (LEFT,)
    process(pipeline, 0.1)
    finds.boxes = [RIGHT]
    assert [face.box for face in process(pipeline, 0.2)] == [LEFT]
    assert set(pipeline.boxes) == {LEFT, RIGHT}
    process(pipeline, 5.0)
    assert pipeline.boxes == (RIGHT,)


def test_activation_maps_come_on_request_and_belong_to_the_most_probable_emotion(finds, stub):
    pipeline = FacePipeline(finds(60), stub, 0.0)
    assert process(pipeline, 0.0, 0.1)[0].activation_map is None
    pipeline.explain = True
    expected = np.full((6, 6), EMOTIONS.index("happy"))
    np.testing.assert_array_equal(process(pipeline, 0.2)[0].activation_map, expected)
    stub.output = probabilities(surprise=0.9)
    assert (process(pipeline, 0.3)[0].activation_map == EMOTIONS.index("surprise")).all()
    pipeline.explain = False
    assert process(pipeline, 0.4)[0].activation_map is None


def test_smoothing_and_detector_may_change_between_two_frames(stub):
    pipeline = FacePipeline(make_detector(LEFT, RIGHT)(60), stub, smoothing_s=1e6)
    process(pipeline, 0.0, 0.1)
    stub.output = probabilities(sad=0.9)
    assert process(pipeline, 0.2)[0].label == "happy"
    pipeline.smoothing_s = 0.0
    assert process(pipeline, 0.3)[0].label == "sad"
    pipeline.detector = make_detector(RIGHT)(60)
    assert [face.track_id for face in process(pipeline, 0.9)] == [2]


def test_another_model_keeps_the_track_ids_and_resets_the_predictions(stub):
    other = StubRecognizer(sad=0.41, happy=0.34)
    for frames_before, ids in ((2, [1, 2]), (1, [1, 2])):
        pipeline = FacePipeline(make_detector(LEFT, RIGHT)(60), stub, smoothing_s=1e6)
        process(pipeline, *np.arange(frames_before) / 10)
        pipeline.set_recognizer(other)
        faces = process(pipeline, 0.2)
        assert [face.track_id for face in faces] == ids
        for face in faces:
            np.testing.assert_array_equal(face.probabilities, other.output)
            assert face.label == UNCERTAIN, "seven points do not give a new label"


def test_tracks_stay_when_the_frames_are_scaled_and_end_when_their_shape_changes(finds, stub):
    pipeline = FacePipeline(finds(60), stub, 0.0)
    process(pipeline, *np.arange(0, 1.15, 0.1))
    finds.boxes = [Box(5, 5, 50, 50)]
    pipeline.change_size((480, 640), (240, 320))
    (face,) = process(pipeline, 1.2)
    assert (face.track_id, face.number, face.box) == (1, 1, Box(5, 5, 50, 50))
    pipeline.change_size((240, 320), (320, 240))
    assert process(pipeline, 1.3) == ()
    assert [(face.track_id, face.number) for face in process(pipeline, 1.4)] == [(2, 0)]


def test_a_frame_of_one_pixel_is_processed(finds, stub):
    pipeline = FacePipeline(finds(60), stub, 0.0)
    for now in (0.0, 0.1):
        faces = pipeline.process(np.zeros((1, 1), np.uint8), now)
    assert faces[0].face_gray.shape == (48, 48)


def test_faces_come_in_the_order_of_their_track_ids(finds, stub):
    pipeline = FacePipeline(finds(60), stub, 0.0)
    for boxes, now in (([LEFT], 0.0), ([RIGHT], 0.1), ([RIGHT], 0.2), ([LEFT, RIGHT], 0.3)):
        finds.boxes = boxes
        faces = process(pipeline, now)
    assert [(face.track_id, face.box) for face in faces] == [(1, RIGHT), (2, LEFT)]
