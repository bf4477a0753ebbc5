import numpy as np
import pyarrow as pa
from pyarrow import parquet

from pipeline.data.readers import READERS
from tests.data.source_makers import WRITERS, csv_text, image_file, row


def test_no_format_takes_the_files_of_another(tmp_path):
    """Each kind of file decides beside files that say less: notes, lists, examples."""
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 48, 48)), labels=[0, 1])
    parquet.write_table(pa.table({"image": [image_file()], "label": [0]}), tmp_path / "a.parquet")
    beside = {"README": b"words", "labels.csv": b"file,emotion\na.png,happy\n"}
    images, table, hub, arrays = READERS.values()
    cases = {
        "train/happy/a.png": (image_file(), images),
        "fer2013.csv": (csv_text(row()).encode(), table),
        "train.parquet": ((tmp_path / "a.parquet").read_bytes(), hub),
        "faces.npz": ((tmp_path / "a.npz").read_bytes(), arrays),
    }
    for case, (name, (content, expected)) in enumerate(cases.items()):
        for packed, write in WRITERS.items():
            for others in ({}, beside):
                source = write(tmp_path / f"{case}{len(others)}{packed}", {name: content, **others})
                found = next(reader for reader in READERS.values() if reader.matches(source))
                assert found is expected, (name, packed)
