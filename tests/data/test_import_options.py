import pytest

from pipeline.data.import_options import SKIP, ImportOptions
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS, SCHEMES


def test_words_are_known_and_numbers_and_other_words_never_guessed():
    known = {
        "Suprised": "surprise", "0_angry": "angry", "DISGUSTED faces": "disgust", "HA": "happy",
        "ne": "neutral", "02. Fear": "fear", "sadness": "sad",
    }  # fmt: skip
    for name, emotion in known.items():
        assert ImportOptions().class_of(name) == emotion, name
    for name in ("", "0", "3.0", "7", "contempt", "7_contempt", "sad happy", "no fear", "natural"):
        assert ImportOptions().class_of(name) is None, name
        assert ImportOptions(skip_unknown=True).class_of(name) == SKIP, name


def test_a_scheme_says_what_numbers_mean():
    def meanings(scheme: str) -> list[str | None]:
        return [ImportOptions(scheme=scheme).class_of(str(number)) for number in range(8)]

    a, d, f, h, s, u, n = EMOTIONS
    assert meanings("fer2013") == [a, d, f, h, s, u, n, None]
    assert meanings("alphabetical") == [a, d, f, h, n, s, u, None]
    assert meanings("ferplus") == [n, h, u, s, a, d, f, None]
    assert meanings("rafdb") == [None, u, f, d, h, s, a, n]
    assert meanings("affectnet") == [n, h, s, u, f, d, a, None]
    assert ImportOptions(scheme="fer2013").class_of("3.0") == "happy"
    assert ImportOptions(scheme="fer2013").class_of("class_3") == "happy"


def test_a_word_and_its_number_that_contradict_each_other_are_refused():
    for scheme, name in (("fer2013", "1_happy"), ("rafdb", "0_angry"), ("ferplus", "7_sad")):
        with pytest.raises(UserError, match=f"{name}.*{scheme}.*--map"):
            ImportOptions(scheme=scheme).class_of(name)
        assert ImportOptions(scheme=scheme, class_map={name: "sad"}).class_of(name) == "sad"
    assert ImportOptions(scheme="fer2013").class_of("3_happy") == "happy"


def test_what_is_said_about_a_class_goes_first():
    options = ImportOptions(
        class_map={"1": "surprise", "contempt": SKIP, "happy": "sad", "a b": "fear"},
        scheme="fer2013",
    )
    for name, emotion in {
        "1": "surprise", "01": "surprise", "1.0": "surprise", "Contempt": SKIP, "7_contempt": SKIP,
        "Happy": "sad", "A B": "fear", "2": "fear", "angry": "angry",
    }.items():  # fmt: skip
        assert options.class_of(name) == emotion, name
    assert ImportOptions(scheme="ferplus", class_map={"contempt": SKIP}).class_of("7") == SKIP


def test_splits_are_named_or_said():
    options = ImportOptions(split_map={"fold1": "test", "val": "test", "*": "train"})
    assert [options.split_of(name) for name in ("Fold1", "VAL", "Training", "fold2")] == [
        "test", "test", "train", None,
    ]  # fmt: skip


def test_unknown_words_of_options_are_refused_with_the_choices():
    for options, choices in (
        ({"split": "x"}, "train, validation"),
        ({"split_map": {"a": "x"}}, "train, validation"),
        ({"class_map": {"a": "x"}}, "angry, disgust"),
        ({"scheme": "x"}, ", ".join(SCHEMES)),
        ({"labels_from": "x"}, "folders, lists"),
    ):
        with pytest.raises(UserError, match=f"'x'. Choose from: {choices}"):
            ImportOptions(**options)
