import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.data.store import load_dataset
from pipeline.labels import EMOTIONS
from pipeline.runs import list_runs
from pipeline.vision.jobs import VideoJob
from tests.conftest import wait_for
from tests.test_cli import invoke
from tests.vision.clips import face_picture, read_clip, write_clip

SHIPPED = "custom_cnn"


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_predict_gives_cropped_faces_what_evaluation_gave(filled_workspace, tmp_path, capsys):
    (run,) = list_runs()
    dataset = load_dataset("sample")
    paths = []
    for index in dataset.indices("test")[:3]:
        paths.append(str(tmp_path / f"{index}.png"))
        cv2.imwrite(paths[-1], dataset.images[index])

    _, out, _ = invoke("predict", run.name, *paths, "--cropped", "--json", capsys=capsys)

    pictures = json.loads(out)
    assert [picture["path"] for picture in pictures] == paths
    for picture, index in zip(pictures, dataset.indices("test")[:3], strict=True):
        (face,) = picture["faces"]
        assert face["box"] == [0, 0, 48, 48]
        assert list(face["probabilities"]) == list(EMOTIONS)
        assert face["emotion"] == EMOTIONS[int(np.argmax(list(face["probabilities"].values())))]
        assert face["emotion"] == EMOTIONS[dataset.labels[index]]


def test_predict_says_which_picture_does_not_decode(filled_workspace, tmp_path, capsys):
    (run,) = list_runs()
    (tmp_path / "x.png").write_bytes(b"no picture")

    code, _, err = invoke("predict", run.name, str(tmp_path / "x.png"), capsys=capsys)

    assert code == 1 and "x.png" in err and err.count("\n") == 1


def test_predict_gives_the_good_pictures_and_names_the_bad(filled_workspace, tmp_path, capsys):
    (run,) = list_runs()
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), load_dataset("sample").images[0])

    arguments = (run.name, str(good), str(tmp_path), "--cropped", "--json")
    code, out, err = invoke("predict", *arguments, capsys=capsys)

    assert code == 1 and str(tmp_path) in err
    assert [picture["path"] for picture in json.loads(out)] == [str(good)]


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photo.jpg"
    cv2.imwrite(str(path), cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR))
    return path


def test_two_views_say_the_same_of_a_face_and_its_mirror_image(tmp_path, capsys):
    face, said = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8), {}
    for name, pixels in (("own", face), ("mirrored", face[:, ::-1])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), pixels)
        arguments = (SHIPPED, str(tmp_path / f"{name}.png"), "--cropped", "--json")
        for views in ((), ("--two-views",)):
            _, out, _ = invoke("predict", *arguments, *views, capsys=capsys)
            said[(name, *views)] = [*json.loads(out)[0]["faces"][0]["probabilities"].values()]

    assert said["own", "--two-views"] == pytest.approx(said["mirrored", "--two-views"], abs=1e-4)
    assert said["own",] != pytest.approx(said["mirrored",], abs=1e-3)


def annotated(*arguments: str, capsys) -> list[Path]:
    """Run `predict --annotated`; return the pictures it says it wrote."""
    code, out, err = invoke("predict", SHIPPED, *arguments, "--json", capsys=capsys)
    assert code == 0, err
    return [Path(picture["annotated"]) for picture in json.loads(out)]


def test_annotated_photos_show_their_faces_and_are_as_large(photo, tmp_path, capsys):
    (drawn,) = annotated(str(photo), "--annotated", str(tmp_path / "a" / "b"), capsys=capsys)

    assert drawn == tmp_path / "a" / "b" / "photo.png"
    before, after = cv2.imread(str(photo)), cv2.imread(str(drawn))
    assert after.shape == before.shape == (512, 512, 3)
    changed = (before != after).any(axis=2).mean()
    assert 0.005 < changed < 0.1


def test_an_annotated_photo_never_takes_the_name_of_another_file(photo, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    twins = [tmp_path / "photo.png", tmp_path / "other" / "photo.png"]
    for twin in twins:
        cv2.imwrite(str(twin), np.full((100, 100, 3), 90, np.uint8))
    before = twins[0].read_bytes()
    words = (*map(str, (photo, *twins)), "--annotated", str(tmp_path))

    drawn = annotated(*words, capsys=capsys)

    assert [path.name for path in drawn] == ["photo-2.png", "photo-3.png", "photo-4.png"]
    assert twins[0].read_bytes() == before


def test_a_photo_lies_as_its_camera_says(photo, tmp_path, capsys):
    exif = bytes.fromhex(
        "ffe1002245786966000049492a00080000000100120103000100000006000000"
    ) + bytes(4)
    cut = cv2.imread(str(photo))[:400]
    content = cv2.imencode(".jpg", cv2.rotate(cut, cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
    photo.write_bytes(content[:2] + exif + content[2:])

    (drawn,) = annotated(str(photo), "--annotated", str(tmp_path / "a"), capsys=capsys)

    after = cv2.imread(str(drawn))
    assert after.shape == (400, 512, 3)
    assert 0.005 < (np.abs(after.astype(int) - cut).max(axis=2) > 60).mean() < 0.1


@pytest.mark.parametrize("folder", ["photo.jpg", "photo.jpg/a"])
def test_a_folder_that_cannot_be_written_to_is_one_sentence(folder, photo, tmp_path, capsys):
    words = ("predict", SHIPPED, str(photo), "--annotated", str(tmp_path / folder))
    code, _, err = invoke(*words, capsys=capsys)

    assert code == 1 and err.count("\n") == 1 and "cannot be written to" in err
    assert left_in(tmp_path) == {"photo.jpg"}


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "in.mp4", [face_picture()] * 8)


def test_a_video_comes_back_with_a_table_and_a_summary(clip, tmp_path, capsys):
    out, table = tmp_path / "out.mp4", tmp_path / "faces.csv"
    words = ("video", SHIPPED, str(clip), str(out), "--csv", str(table), "--smoothing", "0")

    code, printed, err = invoke(*words, "--json", capsys=capsys)

    assert (code, err) == (0, "")
    summary = json.loads(printed)
    assert summary == {
        "frames": 8, "seconds": pytest.approx(8 / 30, abs=0.01), "damaged": False, "faces": 7,
        "tracks": 1, "out": str(out), "csv": str(table),
    }  # fmt: skip
    assert table.read_text().count("\n") == 8
    assert read_clip(out)[1] == read_clip(clip)[1]
    assert left_in(tmp_path) == {"in.mp4", "out.mp4", "faces.csv"}


def test_the_smallest_face_grows_with_the_video(tmp_path, capsys):
    picture = np.full((960, 1280, 3), 90, np.uint8)
    picture[:240, :320] = face_picture()  # a face of 80 pixels, where 120 are the least
    clip = write_clip(tmp_path / "in.mp4", [picture] * 3)
    words = ("video", SHIPPED, str(clip), str(tmp_path / "out.mp4"), "--json")

    assert json.loads(invoke(*words, capsys=capsys)[1])["faces"] == 0


def test_a_summary_for_people_is_a_table(clip, tmp_path, capsys):
    code, printed, _ = invoke("video", SHIPPED, str(clip), str(tmp_path / "o.mp4"), capsys=capsys)

    assert code == 0
    assert dict(line.split(maxsplit=1) for line in printed.splitlines())["tracks"].strip() == "1"


def test_a_video_that_is_cut_off_is_written_as_far_as_it_goes_and_that_is_said(tmp_path, capsys):
    pictures = list(np.random.default_rng(0).integers(0, 256, (40, 96, 128, 3), np.uint8))
    clip = write_clip(
        tmp_path / "in.mp4", pictures, ticks=range(0, 40 * 9000, 9000),
        options={"movflags": "faststart"},
    )  # fmt: skip
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    out = tmp_path / "out.mp4"

    code, printed, err = invoke("video", SHIPPED, str(clip), str(out), "--json", capsys=capsys)

    assert code == 0 and json.loads(printed)["damaged"]
    assert err.count("\n") == 1 and f"Not all of {clip} could be read: {out} holds" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("no in.mp4 out.mp4", "Unknown model 'no'"),
        ("custom_cnn no.mp4 out.mp4", "no.mp4 cannot be read: No such file"),
        ("custom_cnn in.txt out.mp4", "in.txt is not a video that can be read: give an MP4"),
        ("custom_cnn in.mp4 in.mp4", "in.mp4 exists already: remove it, or choose another name."),
        ("custom_cnn in.mp4 out.avi", "out.avi is not the name of an MP4 file: let it end in .mp4"),
        ("custom_cnn in.mp4 no/out.mp4", "no/out.mp4 cannot be written (No such file or dir"),
        ("custom_cnn in.mp4 out.mp4 --csv in.mp4", "in.mp4 exists already"),
        ("custom_cnn in.mp4 out.mp4 --csv out.mp4", "cannot be both the video and the table"),
        ("custom_cnn in.mp4 out.mp4 --detector no", "Unknown detector 'no'. Choose from: haar"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    words, sentence, clip, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("no video")

    code, out, err = invoke("video", *words.split(), capsys=capsys)

    assert (code, out) == (1, "")
    assert err.count("\n") == 1 and sentence in err
    assert left_in(tmp_path) == {"in.mp4", "in.txt"}


def test_negative_smoothing_is_wrong_use(clip, capsys):
    words = ("video", SHIPPED, str(clip), "out.mp4", "--smoothing", "-1")
    assert invoke(*words, capsys=capsys)[0] == 2


@pytest.fixture
def job(tmp_path) -> VideoJob:
    (tmp_path / "place").mkdir()
    clip = write_clip(tmp_path / "in.mp4", [face_picture(480, 640)] * 150)
    return VideoJob(SHIPPED, clip, tmp_path / "place")


def test_a_job_makes_the_video_and_its_table_again_if_asked(job):
    job.target.write_text("of an earlier one")
    job.start()
    wait_for(lambda: 0 < job.progress() < 1)
    assert not job.target.exists() and not job.table.exists()
    wait_for(lambda: not job.running())

    assert job.failure() is None
    assert left_in(job.place) == {"annotated.mp4", "faces.csv"}
    with av.open(str(job.target)) as container:
        assert container.streams.video[0].frames == 150


def test_a_cancelled_job_leaves_nothing(job):
    job.start()
    wait_for(lambda: job.progress() > 0)
    assert len(left_in(job.place)) == 3
    job.cancel()

    assert not job.running() and job.failure() is None
    assert left_in(job.place) == set()


def test_a_failed_job_says_why_until_it_is_cleared(job):
    failing = VideoJob(SHIPPED, job.source.with_name("no.mp4"), job.place)
    failing.start()
    wait_for(lambda: not failing.running())

    assert failing.failure().endswith("no.mp4 cannot be read: No such file or directory.")
    failing.clear()
    assert left_in(job.place) == set()
