"""A model that was added from a file, without activation maps, in the two kinds of video."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.store import load_dataset
from pipeline.labels import EMOTIONS
from pipeline.registry.add_model import add_model
from pipeline.vision.recognizer import Recognizer
from tests.cli.commands import document
from tests.registry.model_files import network, weights
from tests.registry.test_add_model import save
from tests.vision.clips import face_image, write_clip
from tests.vision.conftest import FAST, feed_until
from tests.vision.live.conftest import has_face


@pytest.mark.slow
def test_an_imported_model_recognizes_in_a_video_file_and_on_live(sample, tmp_path, request):
    file = save(network(weights(load_dataset("sample"), EMOTIONS)), tmp_path / "a.xml")
    model = add_model(file, "theirs", labels="fer2013", scale="0..1")

    clip = write_clip(tmp_path / "in.mp4", [face_image()] * 8, ticks=range(0, 10**6, 15_000))
    summary = document("video", "theirs", str(clip), str(tmp_path / "out.mp4"))
    assert summary["faces"] == 7 and (tmp_path / "out.mp4").stat().st_size > 0

    recognizer = Recognizer.load(model, "default", threads=1)
    settings = replace(FAST, bars=True, activation_map=True)
    processor = request.getfixturevalue("new_processor")(recognizer, settings)  # a stub detector
    assert feed_until(processor, has_face), processor.snapshot()
    snapshot = processor.snapshot()
    expected = recognizer.predict(snapshot.faces[0].face_gray[np.newaxis])[0]
    np.testing.assert_allclose(snapshot.faces[0].probabilities, expected, atol=1e-5)
    assert snapshot.problem is None
