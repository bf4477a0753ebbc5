from pipeline.data.source_names import class_parts, is_container, split_named

SPLITS = {
    "train": (
        "train", "Training", "TRAIN-data", "training_set", "train_images", "trainset",
        "Train Data", "images_train", "train2017", "train (1)", "FER2013Train", "train_48x48",
        "01-train", "data_training", "TrainFaces", "trn",
        "my_train", "train_augmented", "ckplus-train",
    ),
    "validation": (
        "val", "valid", "VALID", "dev", "eval", "validation_set", "dev-images", "valset",
        "FER2013Valid", "evaluation set", "Development", "val_split", "validation images",
    ),
    "test": (
        "test", "Testing", "test_set", "testset", "Test Images", "hold-out", "holdout", "held_out",
        "testdata", "test1", "tst", "faces_test",
    ),
    "public_test": ("PublicTest", "public_test", "Public Testing", "publictest_set"),
    "private_test": ("Private Test", "PRIVATETEST", "private-test-set", "test_private"),
}  # fmt: skip


def test_names_of_splits_are_known_in_any_case_and_with_words_around():
    for split, names in SPLITS.items():
        for name in names:
            assert split_named(name) == split, name


def test_a_name_that_is_no_split_or_could_be_two_means_none():
    for name in (
        "", "latest", "contest", "attest", "untrained", "pretrain", "trainval", "train_test",
        "val-test", "set", "images", "fold1", "S001", "extra", "unlabeled", "public", "quiz",
        "not train", "test subject", "constraint", "validity", "device", "2013",
    ):  # fmt: skip
        assert split_named(name) is None, name


def test_containers_say_nothing_about_the_images_in_them():
    for name in ("images", "Faces", "face_images", "DATA", "img", "dataset"):
        assert is_container(name), name
    for name in ("", "data1", "fold1", "train", "S001", "archive"):
        assert not is_container(name), name


def test_a_class_is_divided_into_its_number_and_its_word():
    for name, parts in {
        "happy": (None, "happy"),
        "HAPPY ": (None, "happy"),
        "0_angry": (0, "angry"),
        "01. Angry": (1, "angry"),
        "3 - Happy": (3, "happy"),
        "4sad": (4, "sad"),
        "5": (5, ""),
        "3.0": (3, ""),
        "07": (7, ""),
        "class_3": (3, ""),
        "label 2": (2, ""),
        "class003": (3, ""),
        "0 28 113 3": (None, "0 28 113 3"),
        "1_2": (None, "1_2"),
        "Happy Faces": (None, "happy"),
        "HappyFaces": (None, "happy"),
        "facial_expression_sad": (None, "sad"),
        "happy_2": (None, "happy"),
        "train_happy": (None, "happy"),
        "happy (3)": (None, "happy"),
        "0_not_angry": (0, "not angry"),
        "sad happy": (None, "sad happy"),
        "001": (None, ""),
        "": (None, ""),
    }.items():
        assert class_parts(name) == parts, name


def test_long_names_are_read_at_once():
    for name in ("0" * 250 + "q", "fer2013" * 36 + "q", "dataset" * 36, "train" * 50):
        assert split_named(name) is None, name
    assert split_named("fer2013" * 30 + "test") == "test"
