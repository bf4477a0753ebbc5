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
from tests.dashboard.pages import open_dataset, open_page
from tests.evaluation.makers import make_dataset, make_run

OTHER_PAGES = ("overview", "train", "evaluate", "compare")


def cut_images(folder: Path) -> None:
    os.truncate(folder / "images.npy", 5000)


def shorten_index(folder: Path) -> None:
    index = pd.read_parquet(folder / "index.parquet")
    index[:-1].to_parquet(folder / "index.parquet", index=False)


DAMAGES = {
    "images cut": cut_images,
    "images missing": lambda folder: (folder / "images.npy").unlink(),
    "images of others": lambda folder: np.save(
        folder / "images.npy", np.zeros((3, 48, 48), np.uint8)
    ),
    "index shorter": shorten_index,
    "index overwritten": lambda folder: (folder / "index.parquet").write_bytes(b"nothing"),
    "meta overwritten": lambda folder: (folder / "meta.json").write_bytes(b"\xff{"),
}


@pytest.fixture
def folder(empty_workspace) -> Path:
    """The folder of a data set `faces`, with one run that was trained and evaluated on it."""
    make_run(make_dataset("faces"))
    return empty_workspace / "datasets" / "faces"


def errors_of(app: AppTest) -> list[str]:
    app.run()
    assert not app.exception
    return [error.value for error in app.error]


@pytest.mark.slow
def test_damage_while_the_page_is_open_gives_one_sentence(folder):
    app = open_dataset()
    assert not app.error
    whole = shutil.copytree(folder, folder.parents[1] / "whole")
    for case, damage in DAMAGES.items():
        damage(folder)
        (sentence,) = errors_of(app)
        assert sentence.startswith("Data set 'faces' is damaged, a file "), case
        assert any(button.label == "Remove…" for button in app.button)
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        assert not errors_of(app), case


def test_a_folder_removed_while_the_page_is_open_gives_way_to_another_or_to_the_import(folder):
    make_dataset("others")
    app = open_dataset()
    assert app.selectbox(key="dataset").value == "faces"
    shutil.rmtree(folder)
    assert not errors_of(app)
    assert app.selectbox(key="dataset").value == "others"
    shutil.rmtree(folder.parent / "others")
    assert not errors_of(app)
    assert any("Explore the faces" in element.value for element in app.markdown)


@pytest.mark.parametrize("page", OTHER_PAGES)
def test_a_damaged_or_missing_data_set_brings_no_other_page_down(page, folder):
    app = open_page(page)
    whole = shutil.copytree(folder, folder.parents[1] / "whole")
    for case, damage in {**DAMAGES, "missing": lambda folder: None}.items():
        if case == "missing":
            shutil.rmtree(folder)
        damage(folder)
        assert len(errors_of(app)) <= 1, case
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)


def test_a_data_set_is_opened_once_and_again_only_after_its_files_have_changed(folder):
    fingerprint = load_dataset("faces").fingerprint
    first = resources.dataset("faces", fingerprint)
    assert resources.dataset("faces", fingerprint) is first

    inverted = 255 - np.array(first.images)
    np.save(folder / "new.npy", inverted)
    (folder / "new.npy").replace(folder / "images.npy")
    assert (resources.dataset("faces", fingerprint).images == inverted).all()

    cut_images(folder)
    with pytest.raises(UserError, match="'faces' is damaged, a file cannot be read"):
        resources.dataset("faces", fingerprint)
    shutil.rmtree(folder)
    with pytest.raises(UserError, match="Unknown data set 'faces'"):
        resources.dataset("faces", fingerprint)


def test_removed_images_leave_the_disk_once_data_sets_are_closed(folder):
    def is_mapped() -> bool:
        return str(folder) in Path("/proc/self/maps").read_text()

    resources.dataset("faces", load_dataset("faces").fingerprint)
    assert is_mapped()
    resources.forget_datasets()
    assert not is_mapped()
