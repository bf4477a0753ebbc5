"""Joins models to an ensemble: one network that averages their probabilities."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import openvino as ov
from openvino import opset15 as ops

from pipeline.errors import UserError
from pipeline.registry.new_model import new_model, versions
from pipeline.registry.openvino_export import save_network
from pipeline.runs import Run, RunConfig, Status
from pipeline.runs.records import EnsembleMembers
from pipeline.vision.recognizer import Precision, has_maps, read_network
from pipeline.workspace import runs_folder


def make_ensemble(name: str, models: Sequence[Run], weights: Sequence[float] = ()) -> Run:
    """Store the weighted mean of some models' probabilities as a model of its own.

    Its activation maps are averaged likewise where all members have maps of the same size. It has
    an int8 network where all members have one.

    Args:
        name: of the ensemble.
        models: two or more different ones.
        weights: one positive number for each, whose ratios count; equal ones if empty.

    Raises:
        UserError: the name is taken, the models are too few or damaged, or the weights do not fit.
    """
    names = [model.name for model in models]
    if len(set(names)) < max(2, len(names)):
        raise UserError("An ensemble needs two different models at least, each named once.")
    given = list(weights) or [1.0] * len(models)
    if len(given) != len(models) or not all(0 < weight < np.inf for weight in given):
        raise UserError(
            f"The weights {', '.join(f'{each:g}' for each in given)} do not fit: give one positive "
            f"number for each of the {len(models)} models."
        )
    shares = [weight / sum(given) for weight in given]
    configs = [model.config() for model in models]
    first = next((each for each in configs if each.dataset_fingerprint), configs[0])
    trained = [each for each in configs if each.kind != "imported"]
    seed = trained[0].seed if trained else 0
    members = EnsembleMembers(
        models=tuple(names),
        weights=tuple(shares),
        dataset=first.dataset,
        seed=seed,
        same_held_out=all(
            (each.dataset_fingerprint, each.seed) == (first.dataset_fingerprint, seed)
            and (each.ensemble is None or each.ensemble.same_held_out)
            for each in trained
        ),
    )
    with new_model(name) as run:
        _save(models, shares, run, "f32")
        if all(model.int8_path.is_file() for model in models):
            _save(models, shares, run, "int8")
        run.write_config(
            RunConfig(
                kind="ensemble",
                ensemble=members,
                dataset_fingerprint=first.dataset_fingerprint,
                synthetic=any(each.synthetic for each in configs),
                versions=versions(),
            )
        )
        counts = [model.status().parameters for model in models]
        total = None if None in counts else sum(count or 0 for count in counts)
        run.write_status(Status(state="finished", parameters=total))
    return Run(runs_folder() / name)


def _save(models: Sequence[Run], shares: Sequence[float], run: Run, precision: Precision) -> None:
    path = run.int8_path if precision == "int8" else run.openvino_path
    networks = [read_network(model, precision) for model in models]
    save_network(average(networks, shares), path)


def average(networks: Sequence[ov.Model], shares: Sequence[float]) -> ov.Model:
    """Return one network of our contract from several, whose outputs are averaged.

    Args:
        networks: of our contract; they are changed.
        shares: of each; their sum is 1.
    """
    averaged = ("probabilities", "cam") if _same_maps(networks) else ("probabilities",)
    first = networks[0].inputs[0]
    faces = ops.parameter(first.get_partial_shape(), first.get_element_type(), name="faces")
    faces.output(0).get_tensor().set_names({"faces"})
    sources: dict[str, list[ov.Output]] = {name: [] for name in averaged}
    for network in networks:
        parameter = network.get_parameters()[0]
        for target in parameter.output(0).get_target_inputs():
            target.replace_source_output(faces.output(0))
        for name in averaged:
            sources[name].append(network.output(name).get_node().input_value(0))
        for output in network.outputs:
            output.get_tensor().set_names(set())
    results = []
    for name, outputs in sources.items():
        mean = _weighted(outputs, shares)
        mean.output(0).get_tensor().set_names({name})
        results.append(ops.result(mean))
    return ov.Model(results, [faces], "ensemble")


def _same_maps(networks: Sequence[ov.Model]) -> bool:
    """Return whether all networks have activation maps of one size."""
    if not all(map(has_maps, networks)):
        return False
    shapes = [list(n.output("cam").get_partial_shape())[1:] for n in networks]
    return all(shape == shapes[0] for shape in shapes)


def _weighted(outputs: Sequence[ov.Output], shares: Sequence[float]) -> ov.Node:
    parts = [
        ops.multiply(output, ops.constant(np.float32(share)))
        for output, share in zip(outputs, shares, strict=True)
    ]
    return reduce(ops.add, parts)
