"""`predict` and `video --output --engine ray`, on two nodes with one CPU each and a token."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from benchmarks.support.ray_cluster import RayCluster, ray_cluster
from pipeline.errors import UserError
from pipeline.queue import queue
from tests.cli.commands import document
from tests.cli.test_recognize_batch import BUNDLED, hashes, jpeg, parts, table
from tests.conftest import wait_for
from tests.data.source_makers import write_folder, write_zip
from tests.queue.test_engines import TOKEN
from tests.vision.clips import face_image, write_clip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra 'ray' is not installed"),
]


@pytest.fixture
def cluster(empty_workspace, monkeypatch) -> Iterator[RayCluster]:
    empty_workspace.mkdir()
    for name, value in TOKEN.items():
        monkeypatch.setenv(name, value)
    with ray_cluster(2, TOKEN) as cluster:
        queue.set_engine("ray", address=cluster.address)
        yield cluster


def test_a_cluster_writes_the_bytes_of_one_process_whatever_is_killed(cluster, tmp_path):
    write_folder(tmp_path / "photos", {f"{i:02}.jpg": jpeg(1600) for i in range(80)})
    write_zip(tmp_path / "a.zip", {"1.jpg": jpeg(), "2.jpg": b"no image", "3.jpg": jpeg()})
    sources = [str(tmp_path / "photos"), str(tmp_path / "a.zip")]
    words = ["predict", BUNDLED, *sources, "--part-size", "2", "--output"]
    folder = tmp_path / "out"
    on_ray = [*words, str(folder), "--engine", "ray"]

    command = subprocess.Popen([sys.executable, "-m", "pipeline", *on_ray])
    wait_for(lambda: len(parts(folder)) > 2)
    command.kill()
    command.wait()
    job = (folder / "job.json").read_bytes()
    cluster.tell("kill")
    done = parts(folder)
    assert len(done) < 42

    with pytest.raises(UserError, match="1 of 83 photos .*2.jpg is not an image"):
        document(*on_ray)

    assert done.items() < parts(folder).items()
    assert (folder / "job.json").read_bytes() == job  # which went on without its command
    assert table(folder)["path"].nunique() == len(table(folder)) == 83
    with pytest.raises(UserError, match="1 of 83 photos"):
        document(*words, str(tmp_path / "local"))
    assert hashes(folder) == hashes(tmp_path / "local")

    clip = write_clip(tmp_path / "clip.mp4", [face_image()] * 40)
    for engine in ("local", "ray"):
        words = ["video", BUNDLED, str(clip), "--annotated", "--engine", engine]
        assert document(*words, "--output", str(tmp_path / f"video-{engine}"))["faces"] > 0
    assert hashes(tmp_path / "video-ray") == hashes(tmp_path / "video-local")
