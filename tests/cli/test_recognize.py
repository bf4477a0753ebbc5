import json
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data
from PIL import Image

from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.evaluation.predictions import load_predictions
from pipeline.jobs import video_job
from pipeline.labels import EMOTIONS
from pipeline.runs import find_model, list_runs
from tests.cli.commands import document, output
from tests.conftest import invoke, wait_for
from tests.vision.clips import face_image, read_clip, write_clip

BUNDLED = "custom_cnn"


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_predict_recognizes_face_crops_as_they_are_evaluated(filled_workspace, tmp_path):
    (run,) = list_runs()
    dataset = load_dataset("sample")
    faces = dataset.indices("validation")[:3]
    evaluated = load_predictions(run, run.evaluation_path(dataset.fingerprint, "validation"))
    predicted = dict(zip(evaluated.ids, evaluated.probabilities.argmax(1), strict=True))
    paths = [str(tmp_path / f"{face}.png") for face in faces]
    for path, face in zip(paths, faces, strict=True):
        cv2.imwrite(path, dataset.images[face])

    photos = document("predict", run.name, *paths, "--cropped")

    assert [photo["path"] for photo in photos] == paths
    for photo, index in zip(photos, faces, strict=True):
        (face,) = photo["faces"]
        assert face["box"] == [0, 0, 48, 48]
        assert list(face["probabilities"]) == list(EMOTIONS)
        assert face["emotion"] == EMOTIONS[int(np.argmax(list(face["probabilities"].values())))]
        assert face["emotion"] == EMOTIONS[predicted[dataset.ids[index]]]


def test_predict_prints_the_good_photos_and_names_each_bad_one(tmp_path, capsys):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    cv2.imwrite(str(good), np.zeros((48, 48), np.uint8))
    bad.write_bytes(b"no image")

    paths = map(str, (good, bad, tmp_path / "missing.png"))
    code, out, err = invoke("predict", BUNDLED, *paths, "--cropped", "--json", capsys=capsys)

    assert [photo["path"] for photo in json.loads(out)] == [str(good)]
    assert code == 1 and err.count("\n") == 2 and "bad.png" in err and "missing" in err


def test_two_views_predict_the_same_for_a_face_and_its_mirror_image(tmp_path):
    face = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    predicted = {}
    for name, pixels in (("own", face), ("mirrored", face[:, ::-1])):
        path = str(tmp_path / f"{name}.png")
        cv2.imwrite(path, pixels)
        for views in ((), ("--two-views",)):
            (photo,) = document("predict", BUNDLED, path, "--cropped", *views)
            predicted[name, *views] = [*photo["faces"][0]["probabilities"].values()]

    mirrored = predicted["mirrored", "--two-views"]
    assert predicted["own", "--two-views"] == pytest.approx(mirrored, abs=1e-4)
    assert predicted["own",] != pytest.approx(predicted["mirrored",], abs=1e-3)


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photo.jpg"
    cv2.imwrite(str(path), cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR))
    return path


def annotate(*paths: Path, folder: Path) -> list[Path]:
    """Run `predict --annotated`; return the files that it names."""
    photos = document("predict", BUNDLED, *map(str, paths), "--annotated", str(folder))
    return [Path(photo["annotated"]) for photo in photos]


def test_annotated_photos_have_their_faces_drawn_and_their_size(photo, tmp_path):
    (annotated,) = annotate(photo, folder=tmp_path / "a" / "b")

    assert annotated == tmp_path / "a" / "b" / "photo.png"
    before, after = cv2.imread(str(photo)), cv2.imread(str(annotated))
    assert after.shape == before.shape == (512, 512, 3)
    assert 0.005 < (before != after).any(axis=2).mean() < 0.1
    assert files_in(annotated.parent) == {"photo.png"}


def test_an_annotated_photo_never_replaces_another_file(photo, tmp_path):
    (tmp_path / "other").mkdir()
    others = [tmp_path / "photo.png", tmp_path / "other" / "photo.png"]
    for path in others:
        cv2.imwrite(str(path), np.full((100, 100, 3), 90, np.uint8))
    before = others[0].read_bytes()

    annotated = annotate(photo, *others, folder=tmp_path)

    assert [path.name for path in annotated] == ["photo-2.png", "photo-3.png", "photo-4.png"]
    assert others[0].read_bytes() == before


def test_a_photo_is_turned_as_its_camera_says(photo, tmp_path):
    exif = bytes.fromhex(
        "ffe1002245786966000049492a00080000000100120103000100000006000000"
    ) + bytes(4)
    upright = cv2.imread(str(photo))[:400]
    turned = cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE)
    content = cv2.imencode(".jpg", turned)[1].tobytes()
    photo.write_bytes(content[:2] + exif + content[2:])

    (annotated,) = annotate(photo, folder=tmp_path / "a")

    after = cv2.imread(str(annotated))
    assert after.shape == (400, 512, 3)
    assert 0.005 < (np.abs(after.astype(int) - upright).max(axis=2) > 60).mean() < 0.1


def test_a_folder_that_cannot_be_written_to_is_one_sentence(photo, tmp_path):
    for folder, sentence in (
        ("photo.jpg", "exists and is not a folder"),
        ("photo.jpg/a", "cannot be written to"),
    ):
        with pytest.raises(UserError, match=rf"^[^\n]* {sentence}[^\n]*$"):
            annotate(photo, folder=tmp_path / folder)
    assert files_in(tmp_path) == {"photo.jpg"}


def scene(photo: Path, *faces: tuple[int, int, float]) -> np.ndarray:
    """A landscape with portraits at places (x, y), each at a scale."""
    image = np.full((700, 1100, 3), 120, np.uint8)
    for x, y, scale in faces:
        face = cv2.resize(cv2.imread(str(photo)), None, fx=scale, fy=scale)
        image[y : y + face.shape[0], x : x + face.shape[1]] = face
    return image


def test_a_folder_of_photos_is_predicted_with_a_row_per_face(photo, tmp_path):
    folder, table = tmp_path / "photos", tmp_path / "faces.csv"
    (folder / "more").mkdir(parents=True)
    cv2.imwrite(str(folder / "two.png"), scene(photo, (0, 0, 1), (560, 100, 1)))
    cv2.imwrite(str(folder / "more" / "one.jpg"), scene(photo, (450, 50, 1.2)))
    cv2.imwrite(str(folder / "none.webp"), scene(photo))
    (folder / "notes.txt").write_text("no photo")

    words = (str(folder), "--recursive", "--csv", str(table))
    photos = document("predict", BUNDLED, *words)

    names = ["none.webp", "two.png", "more/one.jpg"]
    assert [photo["path"] for photo in photos] == [str(folder / name) for name in names]
    assert [len(photo["faces"]) for photo in photos] == [0, 2, 1]
    rows = pd.read_csv(table)
    assert list(rows.columns[:7]) == ["path", "face", "x", "y", "width", "height", "cropped"]
    assert list(rows["face"]) == [1, 2, 1] and list(rows["path"]) == [
        str(folder / name) for name in ("two.png", "two.png", "more/one.jpg")
    ]
    faces = [face for photo in photos for face in photo["faces"]]
    assert rows[["x", "y", "width", "height"]].to_numpy().tolist() == [f["box"] for f in faces]
    assert list(rows["emotion"]) == [face["emotion"] for face in faces]
    expected = [list(face["probabilities"].values()) for face in faces]
    np.testing.assert_allclose(rows[list(EMOTIONS)], expected, atol=1e-4)
    alone = document("predict", BUNDLED, str(folder / "*.png"), str(folder / "none.webp"))
    assert [photo["faces"] for photo in alone] == [photos[1]["faces"], []]


def test_results_are_printed_even_if_their_table_cannot_be_written(photo, tmp_path, capsys):
    table = str(tmp_path / "no" / "faces.csv")
    code, out, err = invoke("predict", BUNDLED, str(photo), "--csv", table, capsys=capsys)
    assert code == 1 and "happy" in out and table in err and err.count("\n") == 1


def test_a_face_that_fills_its_image_is_recognized_as_a_whole_and_said_so(photo, tmp_path):
    tight = cv2.imread(str(photo))[44:184, 154:294]
    paths = [str(tmp_path / f"{side}.png") for side in (48, 140)]
    for path in paths:
        side = int(Path(path).stem)
        cv2.imwrite(path, cv2.resize(tight, (side, side), interpolation=cv2.INTER_AREA))

    found = document("predict", BUNDLED, *paths, str(photo))
    assert [each["cropped"] for each in found] == [True, True, False]
    assert found[0]["faces"][0]["box"] == [0, 0, 48, 48]
    assert [each["faces"] for each in document("predict", BUNDLED, *paths, "--cropped")] == [
        each["faces"] for each in found[:2]
    ]
    printed = output("predict", BUNDLED, *paths, str(photo))
    assert printed.count("whole image") == 2
    assert "Recognized as a whole, as a face crop already: 2 of 3." in printed


def test_the_table_shows_whole_paths(tmp_path):
    folder = tmp_path / "a_long_name_of_a_participant_and_of_a_session_that_all_frames_share"
    folder.mkdir()
    paths = [str(folder / f"frame_{number:04}.png") for number in range(2)]
    for path in paths:
        cv2.imwrite(path, np.zeros((48, 48), np.uint8))
    printed = output("predict", BUNDLED, *paths)
    assert all(path in printed for path in paths)


@pytest.mark.slow
def test_imported_photos_score_as_predict_scores_them(photo, tmp_path, capsys):
    """Whole photos, an HEIC among them, are cropped by an import as everywhere else."""
    folder = tmp_path / "photos" / "test" / "happy"
    folder.mkdir(parents=True)
    scenes = {
        "a.png": scene(photo, (100, 100, 1)),
        "b.jpg": scene(photo, (400, 20, 1.3)),
        "c.heic": scene(photo, (300, 150, 0.8)),
        "d.png": scene(photo, (0, 0, 1), (560, 100, 1)),
        "e.png": scene(photo),
    }
    for name, image in scenes.items():
        if name == "c.heic":
            Image.fromarray(image[..., ::-1]).save(folder / name)
        else:
            cv2.imwrite(str(folder / name), image)

    words = ("import", str(tmp_path / "photos"), "--name")
    code, printed, _ = invoke(*words, "photos", capsys=capsys)
    assert code == 0 and "Imported 3 faces as 'photos'" in printed
    assert "d.png: holds 2 faces" in printed and "e.png: holds no face" in printed
    output("evaluate", BUNDLED, "--dataset", "photos", "--split", "test")
    fingerprint = load_dataset("photos").fingerprint
    model = find_model(BUNDLED)
    evaluated = load_predictions(model, model.evaluation_path(fingerprint, "test"))
    predicted = document("predict", BUNDLED, *(str(folder / name) for name in list(scenes)[:3]))
    expected = [[*each["faces"][0]["probabilities"].values()] for each in predicted]
    np.testing.assert_allclose(evaluated.probabilities, expected, atol=1e-5)

    invoke(*words, "largest", "--largest", capsys=capsys)
    assert len(load_dataset("largest")) == 4
    invoke(*words, "scenes", "--faces", "as-is", capsys=capsys)
    whole = load_dataset("scenes")
    assert len(whole) == 5 and whole.fingerprint != fingerprint
    for name in ("a.png", "b.jpg", "c.heic"):
        (folder / name).unlink()
    assert "--largest takes the largest" in invoke(*words, "no", capsys=capsys)[2]
    assert "Choose from: auto" in invoke(*words, "no", "--faces", "no", capsys=capsys)[2]


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "in.mp4", [face_image()] * 8, ticks=range(0, 10**6, 15_000))


def test_a_video_is_written_with_a_table_and_a_summary(clip, tmp_path):
    out, table = tmp_path / "out.mp4", tmp_path / "faces.csv"
    words = ("video", BUNDLED, str(clip), str(out), "--csv", str(table), "--smoothing", "0")

    assert document(*words) == {
        "frames": 8, "seconds": pytest.approx(8 / 6, abs=0.2), "damaged": False, "faces": 7,
        "tracks": 1, "out": str(out), "csv": str(table),
    }  # fmt: skip
    assert table.read_text().count("\n") == 8
    assert read_clip(out)[1] == read_clip(clip)[1]
    assert files_in(tmp_path) == {"in.mp4", "out.mp4", "faces.csv"}

    printed = output("video", BUNDLED, str(clip), str(tmp_path / "other.mp4"))
    summary = dict(line.split(maxsplit=1) for line in printed.splitlines())
    assert summary["tracks"].strip() == "1"


def test_the_smallest_face_grows_with_the_video(tmp_path):
    image = np.full((960, 1280, 3), 90, np.uint8)
    image[:240, :320] = face_image()  # a face of 80 pixels, where 120 are the least
    clip = write_clip(tmp_path / "in.mp4", [image] * 3)

    assert document("video", BUNDLED, str(clip), str(tmp_path / "out.mp4"))["faces"] == 0


def test_the_readable_part_of_a_truncated_video_is_written_with_a_warning(tmp_path, capsys):
    frames = list(np.random.default_rng(0).integers(0, 256, (40, 96, 128, 3), np.uint8))
    clip = write_clip(
        tmp_path / "in.mp4", frames, ticks=range(0, 40 * 9000, 9000),
        options={"movflags": "faststart"},
    )  # fmt: skip
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    out = tmp_path / "out.mp4"

    code, printed, err = invoke("video", BUNDLED, str(clip), str(out), "--json", capsys=capsys)

    assert code == 0 and json.loads(printed)["damaged"]
    assert err.count("\n") == 1 and f"Not all of {clip} could be read: {out} holds" in err
    assert files_in(tmp_path) == {"in.mp4", "out.mp4"}


def test_a_mistake_is_one_sentence_and_leaves_nothing(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("no video")
    for words, exit_code, sentence in (
        ("no in.mp4 out.mp4", 1, "Unknown model 'no'"),
        ("custom_cnn no.mp4 out.mp4", 1, "no.mp4 cannot be read: No such file"),
        ("custom_cnn in.txt out.mp4", 1, "in.txt is not a video that can be read: give an MP4"),
        ("custom_cnn in.mp4 in.mp4", 1, "exists already: remove it, or choose another name."),
        ("custom_cnn in.mp4 out.avi", 1, "not the name of an MP4 file: let it end in .mp4"),
        ("custom_cnn in.mp4 no/out.mp4", 1, "no/out.mp4 cannot be written (No such file or dir"),
        ("custom_cnn in.mp4 out.mp4 --csv in.mp4", 1, "in.mp4 exists already"),
        ("custom_cnn in.mp4 out.mp4 --csv out.mp4", 1, "cannot be both the video and the table"),
        ("custom_cnn in.mp4 out.mp4 --detector no", 1, "Choose from: haar"),
        ("custom_cnn in.mp4 out.mp4 --smoothing -1", 2, "--smoothing"),
    ):
        code, out, err = invoke("video", *words.split(), capsys=capsys)
        assert (code, out) == (exit_code, "") and sentence in err, words
        assert exit_code == 2 or err.count("\n") == 1, words
        assert files_in(tmp_path) == {"in.mp4", "in.txt"}, words


@pytest.mark.slow
def test_a_job_reports_its_progress_and_writes_the_video_and_its_table(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", [face_image(480, 640)] * 150)
    results = tmp_path / "results"
    results.mkdir()
    job = video_job(BUNDLED, clip, results / "out.mp4", results / "faces.csv", "haar")

    job.start()
    wait_for(lambda: 0 < job.progress() < 1)
    assert not {"out.mp4", "faces.csv"} & files_in(results)
    wait_for(lambda: not job.running())

    assert job.failure() is None
    assert files_in(results) == {"out.mp4", "faces.csv"}
    with av.open(str(results / "out.mp4")) as container:
        assert container.streams.video[0].frames == 150
