import re

import pytest

from pipeline.labels import COLOURS, EMOTIONS, SYNONYMS, label_of


def test_the_order_is_that_of_fer2013():
    assert EMOTIONS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize("name", EMOTIONS)
def test_every_emotion_is_known_in_any_case(name):
    place = EMOTIONS.index(name)
    assert label_of(name) == label_of(name.upper()) == label_of(f" {name.title()} ") == place


@pytest.mark.parametrize(
    ("name", "emotion"),
    [("anger", "angry"), ("Happiness", "happy"), ("sadness", "sad"), ("SURPRISED", "surprise")],
)
def test_synonyms_are_known(name, emotion):
    assert label_of(name) == EMOTIONS.index(emotion)


def test_synonyms_mean_emotions_and_shadow_none():
    assert set(SYNONYMS.values()) <= set(EMOTIONS)
    assert not set(SYNONYMS) & set(EMOTIONS)


@pytest.mark.parametrize("name", ["", "contempt", "happyy", "0", "train"])
def test_anything_else_is_no_emotion(name):
    assert label_of(name) is None


def test_every_emotion_has_a_colour_of_its_own():
    assert tuple(COLOURS) == EMOTIONS and len(set(COLOURS.values())) == len(EMOTIONS)
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in COLOURS.values())
