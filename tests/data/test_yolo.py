import cv2
import numpy as np

from pipeline.data.store import dataset_folder
from pipeline.labels import EMOTIONS
from tests.data.source_makers import noise_file, write_folder

NAMES = "train: ../train/images\nnc: 3\nnames: ['anger', 'Happy', 'contempt']\n"


def write(folder, files: dict[str, str | None]):
    """Write a folder of images, where None stands for the next noise, and of texts."""
    contents = {
        name: noise_file(seed) if text is None else text.encode()
        for seed, (name, text) in enumerate(files.items())
    }
    return write_folder(folder, contents)


def test_labels_beside_or_in_a_folder_of_labels_name_the_faces(tmp_path, imported):
    for number, (image, label, split) in enumerate(
        (
            ("images/train/a.png", "labels/train/a.txt", "train"),
            ("valid/images/a.png", "valid/labels/a.txt", "validation"),
            ("test/a.png", "test/a.txt", "test"),
        )
    ):
        files = {image: None, label: "1 0.5 0.5 1 1\n", "data.yaml": NAMES}
        faces = imported(write(tmp_path / str(number), files))
        assert (faces.labels.tolist(), faces.splits.tolist()) == ([3], [split]), image


def test_names_come_from_yaml_a_text_a_scheme_or_a_map(tmp_path, imported, refusal):
    files = {"images/a.png": None, "labels/a.txt": "1"}
    for number, (name, text) in enumerate(
        (
            ("data.yaml", "names:\n  0: sad\n  1: happy\n"),
            ("classes.txt", "sad\nhappy\n"),
            ("obj.names", "sad\nhappy\n"),
        )
    ):
        assert imported(write(tmp_path / str(number), {**files, name: text})).labels.tolist() == [3]
    folder = write(tmp_path / "a", files)
    assert "Unknown: 1." in refusal(folder)
    assert imported(folder, scheme="affectnet").labels.tolist() == [3]
    assert imported(folder, class_map={"1": "sad"}).labels.tolist() == [4]
    broken = write(tmp_path / "b", {**files, "data.yaml": "names: ["})
    assert "data.yaml is not valid YAML" in refusal(broken)
    two = write(tmp_path / "c", {**files, "data.yaml": NAMES, "classes.txt": "sad\nhappy"})
    assert "give the classes different names" in refusal(two)


def test_each_box_of_an_image_is_a_face_of_its_own(tmp_path, imported):
    photo = np.zeros((200, 400), np.uint8)
    photo[50:98, 100:148], photo[0:100, 200:400] = 90, 200
    files = {
        "images/a.png": cv2.imencode(".png", photo)[1].tobytes(),
        "labels/a.txt": b"0 0.31 0.37 0.12 0.24\n1 0.75 0.25 0.5 0.5\n",
        "data.yaml": NAMES.encode(),
    }
    faces = imported(write_folder(tmp_path / "a", files))
    assert faces.ids.tolist() == ["images/a", "images/a#2"]
    assert [EMOTIONS[label] for label in faces.labels] == ["angry", "happy"]
    assert (faces.images[0] == 90).all() and (faces.images[1] == 200).all()

    polygon = {**files, "labels/a.txt": b"1 0.5 0 1 0 1 0.5 0.5 0.5\n"}
    assert (imported(write_folder(tmp_path / "b", polygon)).images[0] == 200).all()


def test_images_without_labels_are_skipped_and_boxes_outside_are_bad(tmp_path, imported, refusal):
    files = {
        "images/a.png": None, "labels/a.txt": "1 0.5 0.5 1 1", "images/b.png": None,
        "labels/b.txt": "", "images/c.png": None, "data.yaml": NAMES,
    }  # fmt: skip
    assert imported(write(tmp_path / "a", files)).ids.tolist() == ["images/a"]
    assert "labels/a.txt" not in (dataset_folder("faces") / "import.log").read_text()
    pixels = write(tmp_path / "b", {**files, "labels/b.txt": "1 20 30 10 10"})
    assert "has a label whose box is not inside it" in refusal(pixels)
    contempt = write(tmp_path / "c", {**files, "labels/b.txt": "2 0.5 0.5 1 1"})
    assert "Unknown: 2_contempt." in refusal(contempt)
    assert len(imported(contempt, class_map={"contempt": "skip"})) == 1
