import random
from pathlib import Path

import pytest

from pipeline.data.store import dataset_names, load_dataset, remove_dataset
from pipeline.errors import UserError
from tests.evaluation.makers import make_dataset


@pytest.fixture
def folder(empty_workspace) -> Path:
    make_dataset("faces", 40)
    return empty_workspace / "datasets" / "faces"


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Cut, overwrite or insert bytes, most often near one of the ends, where headers are."""
    changed = bytearray(content)
    place = draw.choice(
        (draw.randrange(128), -1 - draw.randrange(128), draw.randrange(len(content)))
    )
    noise = draw.randbytes(draw.randint(1, 6))
    kind = draw.choice(("cut", "overwrite", "insert"))
    if kind == "cut":
        return content[:place]
    changed[place : place + len(noise) * (kind == "overwrite")] = noise
    return bytes(changed)


@pytest.mark.parametrize("name", ["images.npy", "index.parquet", "meta.json"])
def test_no_damage_of_a_file_raises_anything_but_one_sentence(name, folder):
    draw = random.Random(7)
    content = (folder / name).read_bytes()
    refused = 0
    for _ in range(150):
        (folder / name).write_bytes(damaged(content, draw))
        try:
            load_dataset("faces")
        except UserError as error:
            refused += str(error).endswith(": remove it and import it again.")
    assert refused > 50


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("images.npy", b"}", b" "), ("images.npy", b"|u1", b"<f8"), ("meta.json", b"{", b"[")],
)
def test_a_damaged_header_is_told(name, old, new, folder):
    path = folder / name
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(UserError, match="'faces' is damaged, a file cannot be read"):
        load_dataset("faces")


def test_a_data_set_whose_files_cannot_be_deleted_gives_one_sentence(folder, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pipeline.data.store.shutil.rmtree", fail)
    with pytest.raises(UserError, match="'faces' cannot be removed: Permission denied"):
        remove_dataset("faces")
    assert dataset_names() == ["faces"]
