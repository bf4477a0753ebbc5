"""The command that says what a training will cost."""

import json
from datetime import timedelta
from typing import Annotated, Any

import typer

from pipeline.cli.fields import ConfigFile, config_of
from pipeline.cli.report import Json, progress, show, show_one
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import load_exclusions
from pipeline.data.store import load_dataset
from pipeline.training.config import TrainConfig
from pipeline.training.estimate import (
    Estimate,
    Room,
    cost_key,
    keep_estimate,
    kept_estimate,
    room,
)
from pipeline.training.jobs import EstimateJob

BESIDE = "measured beside a training: alone it is faster"


def estimate(
    config: ConfigFile = None,
    again: Annotated[bool, typer.Option("--again", help="Measure even if one is kept.")] = False,
    as_json: Json = False,
    **fields: str | None,
) -> None:
    """Say what a training would cost: parameters, multiply-adds, times, memory and disk.

    It takes the options of `train`. The times come from a few steps on this machine; they are
    kept, and found again for every configuration that costs the same.
    """
    chosen = config_of(config, fields)
    dataset = load_dataset(chosen.dataset)
    if chosen.exclude:
        dataset = dataset.without(load_exclusions(chosen.dataset, chosen.exclude).reasons)
    key = cost_key(chosen, dataset)
    found = None if again else kept_estimate(key, chosen)
    _print(found or _measure(key, chosen, dataset), room(), as_json)


def _measure(key: str, config: TrainConfig, dataset: FaceDataset) -> Estimate:
    with progress(f"Estimating {config.architecture}", EstimateJob(key)) as advance:
        from pipeline.training.measuring import measure

        made = measure(config, dataset, advance)
        keep_estimate(key, made)
    return made


def _print(estimate: Estimate, there: Room, as_json: bool) -> None:
    if as_json:
        available = {"memory_available": there.memory, "disk_available": there.disk}
        return print(json.dumps(estimate.model_dump(mode="json") | available, indent=2))
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
    show(layers, False, "")
    show_one(_figures(estimate, there))


def _figures(estimate: Estimate, there: Room) -> dict[str, Any]:
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
        "memory": _need(estimate.memory, there.memory),
        "disk": _need(estimate.disk, there.disk),
        **({"note": BESIDE} if estimate.beside_training else {}),
    }


def _s(seconds: float) -> str:
    return f"{seconds:.1f} s"


def _need(needed: int, there: int) -> str:
    short = "" if needed <= there else ": too little"
    return f"{needed / 1e6:,.0f} MB of {there / 1e6:,.0f} MB available{short}"
