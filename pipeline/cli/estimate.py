"""The command that estimates what a training costs."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from pipeline.cli.output import Json, progress, show, show_one
from pipeline.cli.train_options import ConfigFile, PresetName, config_of
from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import load_exclusions
from pipeline.data.store import load_dataset
from pipeline.training.estimate import (
    AvailableResources,
    Estimate,
    available_resources,
    cost_key,
    load_estimate,
    save_estimate,
)
from pipeline.vision.teacher import load_teacher

_BESIDE_TRAINING = "measured beside another training: alone it is faster"


def estimate(
    config: ConfigFile = None,
    preset: PresetName = None,
    again: Annotated[bool, typer.Option("--again", help="Measure even if one is stored.")] = False,
    as_json: Json = False,
    **fields: str | None,
) -> None:
    """Estimate the cost of a training: parameters, multiply-adds, time, memory and disk.

    It takes the options of `train`. The times come from a few steps on this machine; they are
    stored, and reused for every configuration that costs the same.
    """
    chosen = config_of(config, preset, fields)
    dataset = load_dataset(chosen.dataset)
    if chosen.exclude:
        dataset = dataset.without(load_exclusions(chosen.dataset, *chosen.exclude).reasons)
    key = cost_key(chosen, dataset)
    stored = None if again else load_estimate(key, chosen)
    _print(stored or _measure(key, chosen, dataset), available_resources(), as_json)


def _measure(key: str, config: TrainConfig, dataset: FaceDataset) -> Estimate:
    with progress(f"Estimating {config.architecture}") as set_progress:
        from pipeline.training.profiler import measure

        measured = measure(config, dataset, set_progress, load_teacher(config))
        save_estimate(key, measured)
    return measured


def _print(estimate: Estimate, available: AvailableResources, as_json: bool) -> None:
    if as_json:
        resources = {"memory_available": available.memory, "disk_available": available.disk}
        return show_one(estimate.model_dump(mode="json") | resources, as_json)
    layers = [
        {
            "layer": layer.name,
            "kind": layer.kind,
            "output": " × ".join(map(str, layer.output_shape)),
            "parameters": f"{layer.parameters:,}",
            "multiply-adds": f"{layer.multiply_adds:,}",
        }
        for layer in estimate.layers
    ]
    show(layers)
    show_one(_costs(estimate, available))


def _costs(estimate: Estimate, available: AvailableResources) -> dict[str, Any]:
    head = {} if estimate.head_epoch_s is None else {"head-only epoch": _s(estimate.head_epoch_s)}
    total = timedelta(seconds=round(estimate.total_s))
    return {
        "parameters": f"{estimate.parameters:,}, {estimate.trainable_parameters:,} of them trained",
        "multiply-adds": f"{estimate.multiply_adds:,} a face",
        "speed": f"{estimate.images_per_s:,.0f} faces/s",
        **head,
        "epoch": _s(estimate.epoch_s),
        "first step after": _s(estimate.start_s),
        "total": f"{total} for {estimate.head_epochs + estimate.epochs} epochs",
        "memory": _need(estimate.memory, available.memory),
        "disk": _need(estimate.disk, available.disk),
        **({"note": _BESIDE_TRAINING} if estimate.beside_training else {}),
    }


def _s(seconds: float) -> str:
    return f"{seconds:.1f} s"


def _need(needed: int, available: int) -> str:
    lacking = "" if needed <= available else ": too little"
    return f"{needed / 1e6:,.0f} MB of {available / 1e6:,.0f} MB available{lacking}"
