import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.workspace import PROJECT
from tests.evaluation.makers import make_dataset, make_run

HOME = str(PROJECT / "dashboard" / "Home.py")


def cut_images(folder: Path) -> None:
    os.truncate(folder / "images.npy", 5000)


def remove_images(folder: Path) -> None:
    (folder / "images.npy").unlink()


def replace_images(folder: Path) -> None:
    np.save(folder / "images.npy", np.zeros((3, 48, 48), np.uint8))


def shorten_index(folder: Path) -> None:
    index = pd.read_parquet(folder / "index.parquet")
    index[:-1].to_parquet(folder / "index.parquet", index=False)


def overwrite_index(folder: Path) -> None:
    (folder / "index.parquet").write_bytes(b"nothing")


def overwrite_meta(folder: Path) -> None:
    (folder / "meta.json").write_bytes(b"\xff{")


DAMAGES = [
    cut_images, remove_images, replace_images, shorten_index, overwrite_index, overwrite_meta,
]  # fmt: skip


@pytest.fixture
def folder(empty_workspace) -> Path:
    """The folder of a data set `faces`, on which one run was trained and judged."""
    make_run(make_dataset("faces"))
    return empty_workspace / "datasets" / "faces"


def app() -> AppTest:
    return AppTest.from_file(HOME, default_timeout=60).run()


def open_page(at: AppTest, page: str) -> AppTest:
    at.switch_page(f"app_pages/{page}.py").run()
    assert not at.exception, (page, at.exception)
    return at


def run_again(at: AppTest) -> list[str]:
    at.run()
    assert not at.exception
    return [error.value for error in at.error]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_while_the_page_is_open_gives_one_sentence_and_the_rest_goes_on(damage, folder):
    at = open_page(app(), "dataset")
    assert not at.error

    damage(folder)

    (sentence,) = run_again(at)
    assert sentence.startswith("Data set 'faces' is damaged, a file ")
    assert any(button.label == "Remove…" for button in at.button)
    for page in ("overview", "train", "evaluate", "compare"):
        open_page(at, page)


def test_a_folder_removed_while_the_page_is_open_leaves_an_empty_page(folder):
    at = open_page(app(), "dataset")
    shutil.rmtree(folder)
    assert not run_again(at)
    assert any("Look at the faces" in element.value for element in at.markdown)


def test_a_folder_removed_while_the_page_is_open_gives_way_to_another(folder):
    make_dataset("others")
    at = open_page(app(), "dataset")
    assert at.selectbox(key="dataset").value == "faces"
    shutil.rmtree(folder)
    assert not run_again(at)
    assert at.selectbox(key="dataset").value == "others"


@pytest.mark.parametrize("page", ["overview", "train", "evaluate", "compare"])
@pytest.mark.parametrize("damage", [*DAMAGES, shutil.rmtree])
def test_damage_while_another_page_is_open_brings_no_page_down(page, damage, folder):
    at = open_page(app(), page)
    damage(folder)
    assert len(run_again(at)) <= 1


def test_a_data_set_is_opened_once_and_again_only_after_its_files_have_changed(folder):
    dataset = load_dataset("faces")

    first = resources.dataset("faces", dataset.fingerprint)
    assert resources.dataset("faces", dataset.fingerprint) is first

    replaced = np.array(first.images)
    np.save(folder / "new.npy", 255 - replaced)
    (folder / "new.npy").replace(folder / "images.npy")
    second = resources.dataset("faces", dataset.fingerprint)
    assert (second.images == 255 - replaced).all()

    cut_images(folder)
    with pytest.raises(UserError, match="'faces' is damaged, a file cannot be read"):
        resources.dataset("faces", dataset.fingerprint)

    shutil.rmtree(folder)
    with pytest.raises(UserError, match="Unknown data set 'faces'"):
        resources.dataset("faces", dataset.fingerprint)


def test_removed_pictures_leave_the_disk_once_they_are_forgotten(folder):
    dataset = load_dataset("faces")
    resources.dataset("faces", dataset.fingerprint)
    del dataset
    assert mapped(folder)
    resources.forget_datasets()
    assert not mapped(folder)


def mapped(folder: Path) -> bool:
    return str(folder) in Path("/proc/self/maps").read_text()
