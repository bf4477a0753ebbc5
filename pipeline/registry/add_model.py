"""Adds a model file of another framework to the workspace, as a model like all others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov

from pipeline.data.sample import draw_face
from pipeline.data.store import dataset_info, dataset_names, load_dataset
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate
from pipeline.labels import EMOTIONS
from pipeline.registry.find_preprocessing import Candidate, Search, find_preprocessing, suggestion
from pipeline.registry.import_model import convert, format_of
from pipeline.registry.new_model import check_free, new_model, versions
from pipeline.registry.openvino_export import save_network
from pipeline.registry.preprocessing import (
    adapted,
    kind_of,
    orders_for,
    parse_labels,
    parse_scale,
    preprocessed,
    raw_classes,
    scales_for,
)
from pipeline.registry.source_network import ImageInput, class_output, image_input
from pipeline.runs import Run, RunConfig, Status
from pipeline.runs.records import ImportedModel
from pipeline.storage import write_json
from pipeline.vision.network_check import is_usable
from pipeline.vision.recognizer import compile_network
from pipeline.workspace import runs_folder

_SEARCH_SHARE = 0.7
_PROBES = 14


def add_model(
    source: Path,
    name: str,
    *,
    dataset: str = "",
    scale: str = "",
    labels: str = "",
    input_size: int = 0,
    on_search: Callable[[Search], None] = lambda search: None,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> Run:
    """Convert a model file, find its preprocessing and label order, and store it as a run.

    Nothing is left behind if it fails.

    Args:
        source: the file, or the folder of a SavedModel.
        name: of the new model.
        dataset: the labeled data set to try it on; empty for the largest one.
        scale: the preprocessing, one of `SCALES`; empty to find it.
        labels: the label order, see `parse_labels`; empty to find it.
        input_size: height and width of the input, where the file leaves them open; else 0.
        on_search: called with what was tried, before it is decided.
        on_progress: called with the fraction done, 0 to 1.

    Returns:
        the run, of kind `imported`, with its evaluation on the split that it was tried on.

    Raises:
        UserError: the name is taken, the file cannot be added, no data set is there to try it on,
            or what was found is in doubt.
    """
    check_free(name)
    source = _source_of(source)
    framework = format_of(source).framework
    name_of_data = dataset or largest_dataset()
    if not name_of_data and not (scale and labels):
        raise UserError(
            "There is no data set to try the model on: import one, or say its preprocessing and "
            "its classes with --scale and --labels.",
            on_page="There is no data set to try the model on: import one first.",
        )
    faces = load_dataset(name_of_data) if name_of_data else None
    with new_model(name) as run:
        converted = run.path.parent / "source.xml"
        convert(source, converted, input_size)
        network = ov.Core().read_model(converted)
        image = image_input(network, source.name)
        split = ""
        if faces is None:
            chosen = _given(network, image, scale, labels)
        else:
            scales = [parse_scale(scale, image)] if scale else scales_for(image)
            orders = _orders(network, labels, source.name)
            searched = _part(on_progress, 0, _SEARCH_SHARE)
            search = find_preprocessing(network, image, faces, scales, orders, searched)
            search = replace(search, given=bool(scale and labels))
            on_search(search)
            write_json(run.search_path, search.summary())
            if search.doubt():
                raise suggestion(search)
            chosen, split = search.best, search.split
        _write_network(run, network, image, chosen, source.name)
        imported = ImportedModel(
            file=source.name,
            sha256=_sha256(source),
            framework=framework,
            input=str(image),
            scale=chosen.scale,
            labels=chosen.labels,
            dataset=faces.name if faces else "",
        )
        run.write_config(
            RunConfig(
                kind="imported",
                imported=imported,
                dataset_fingerprint=faces.fingerprint if faces else "",
                synthetic=dataset_info(faces.name).synthetic if faces else False,
                versions=versions(),
            )
        )
        run.write_status(Status(state="finished", parameters=_parameters(network)))
        if faces:
            evaluate(run, faces, split, _part(on_progress, _SEARCH_SHARE, 1))
    return Run(runs_folder() / name)


def _part(
    on_progress: Callable[[float], None], start: float, end: float
) -> Callable[[float], None]:
    """Return a function that reports the progress of a part of the work."""
    return lambda done: on_progress(start + done * (end - start))


def largest_dataset() -> str:
    """Return the name of the largest data set; synthetic faces count only if there are no others.

    Empty if there is none.
    """
    infos = []
    for name in dataset_names():
        with suppress(UserError):
            infos.append(dataset_info(name))
    return max(infos, key=lambda info: (not info.synthetic, info.faces)).name if infos else ""


def _source_of(path: Path) -> Path:
    """Return the folder of a SavedModel for a file in it, else the path."""
    return path.parent if path.name == "saved_model.pb" else path


def _orders(network: ov.Model, labels: str, file: str) -> dict[str, tuple[str, ...]]:
    classes = _classes(network)
    if labels:
        name, order = parse_labels(labels, classes)
        return {name: order}
    if orders := orders_for(classes):
        return orders
    raise UserError(
        f"{file} predicts {classes} classes, of which no usual order is known: name them all in "
        "its order, with commas between them, by --labels.",
        on_page=f"{file} predicts {classes} classes, of which no usual order is known: name them "
        "all in its order, with commas between them.",
    )


def _classes(network: ov.Model) -> int:
    shape = list(class_output(network).get_partial_shape())[1:]
    return int(max(each.get_length() for each in shape))


def _given(network: ov.Model, image: ImageInput, scale: str, labels: str) -> Candidate:
    return Candidate(parse_scale(scale, image), *parse_labels(labels, _classes(network)))


def _write_network(
    run: Run, network: ov.Model, image: ImageInput, chosen: Candidate, file: str
) -> None:
    compiled = compile_network(raw_classes(preprocessed(network, image, chosen.scale)))
    drawn = [
        draw_face(EMOTIONS[i % len(EMOTIONS)], np.random.default_rng(i)) for i in range(_PROBES)
    ]
    probes = np.stack(drawn)[..., np.newaxis].astype(np.float32)
    outputs = kind_of(compiled([probes])[0])
    ours = adapted(network, image, chosen.scale, chosen.labels, outputs)
    save_network(ours, run.openvino_path)
    if not is_usable(run.openvino_path):
        raise UserError(
            f"{file} does not predict the seven emotions of a face once it is converted: it is "
            "damaged, or no emotion model."
        )


def _sha256(source: Path) -> str:
    """Return the hash of a file, or of all files of a folder with their names.

    That of OpenVINO's `.xml` is of its `.bin`, too, which holds the weights.
    """
    digest = hashlib.sha256()
    files = sorted(path for path in source.rglob("*") if path.is_file()) or [source]
    if source.suffix.lower() == ".xml":
        files.append(source.with_suffix(".bin"))
    for path in files:
        if source.is_dir():
            digest.update(str(path.relative_to(source)).encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _parameters(network: ov.Model) -> int:
    """Return how many weights a network has: the numbers of its larger constants."""
    constants = [node for node in network.get_ops() if node.get_type_name() == "Constant"]
    real = [node for node in constants if node.get_element_type().is_real()]
    return sum(int(np.prod(node.shape)) for node in real if np.prod(node.shape) > 1)
