import re

from pipeline.labels import CODES, COLORS, EMOTIONS, SCHEMES, SYNONYMS, label_of


def test_the_order_is_that_of_fer2013():
    assert EMOTIONS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def test_emotions_and_synonyms_are_known_in_any_case_and_nothing_else():
    for index, name in enumerate(EMOTIONS):
        assert label_of(name) == label_of(name.upper()) == label_of(f" {name.title()} ") == index
    for name, emotion in (
        ("anger", "angry"), ("Happiness", "happy"), ("sadness", "sad"), ("SURPRISED", "surprise"),
    ):  # fmt: skip
        assert label_of(name) == EMOTIONS.index(emotion)
    for name in ("", "contempt", "happyy", "0", "train"):
        assert label_of(name) is None, name


def test_nouns_adjectives_and_usual_misspellings_are_known():
    for emotion, names in {
        "angry": "anger angy anrgy angery furious",
        "disgust": "disgusted disgusting digust dissgust disgsut",
        "fear": "fearful afraid scared fearfull terrified",
        "happy": "happiness hapiness hapy joy joyful",
        "sad": "sadness saddness sadnes unhappy",
        "surprise": "surprised suprise suprised surprize surpirse supprise",
        "neutral": "neutrality netural nuetral nutral neutrall",
    }.items():
        for name in names.split():
            assert label_of(name) == EMOTIONS.index(emotion), name
    for name in "fare scar sacred neural hat bad mild calm natural sleepy shocked".split():
        assert label_of(name) is None, name


def test_codes_and_schemes_name_every_emotion_once():
    assert sorted(CODES.values()) == sorted(EMOTIONS)
    for scheme in SCHEMES.values():
        assert sorted(word for word in scheme.values() if word in EMOTIONS) == sorted(EMOTIONS)


def test_synonyms_mean_emotions_and_hide_none():
    assert set(SYNONYMS.values()) <= set(EMOTIONS)
    assert not set(SYNONYMS) & set(EMOTIONS)


def test_every_emotion_has_a_color_of_its_own():
    assert tuple(COLORS) == EMOTIONS and len(set(COLORS.values())) == len(EMOTIONS)
    assert all(re.fullmatch("#[0-9A-F]{6}", color) for color in COLORS.values())
