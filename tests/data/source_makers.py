"""Small sources to import: CSV rows, image files, and the folders and archives that hold them."""

import io
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np

HEADER = "emotion,pixels,Usage"


def pixels(value: int = 7) -> str:
    return " ".join([str(value)] * 2304)


def row(emotion: object = 3, values: str | None = None, usage: str = "Training") -> str:
    return f"{emotion},{pixels() if values is None else values},{usage}"


def csv_text(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *rows]) + end


def image_file(value: int = 7, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, np.full((48, 48), value, np.uint8))[1].tobytes()


def noise_file(seed: int, suffix: str = ".png") -> bytes:
    content = np.random.default_rng(seed).integers(0, 256, (48, 48), dtype=np.uint8)
    if suffix in (".gif", ".webp", ".ppm"):  # these are encoded from colors only
        content = np.repeat(content[..., None], 3, axis=2)
    return cv2.imencode(suffix, content)[1].tobytes()


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


WRITERS = {"folder": write_folder, "a.zip": write_zip, "a.tar.gz": write_tar}
