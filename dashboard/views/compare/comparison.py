"""Metrics of several models on the same faces."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from dashboard import resources
from dashboard.resources import SubsetMetrics
from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import split_name
from pipeline.errors import UserError
from pipeline.evaluation.model_cost import ModelCost, model_cost
from pipeline.evaluation.subset import EvaluationSubset
from pipeline.runs import Run, RunConfig, Status

MAX_PAIRED = 20
"""At most this many models, the first ones chosen, are compared in pairs and averaged."""


@dataclass
class Comparison:
    """Models evaluated on the same faces, and the models that are skipped.

    Args:
        subset: the faces.
        models: the models that are compared, in the order chosen.
        metrics: model → its metrics.
        missing: models without readable predictions.
        problems: one sentence for each model whose predictions cannot be used.
    """

    subset: EvaluationSubset
    models: list[Run] = field(default_factory=list)
    metrics: dict[str, SubsetMetrics] = field(default_factory=dict)
    missing: list[Run] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def paired(self) -> list[Run]:
        """The models that are compared in pairs and averaged to an ensemble."""
        return self.models[:MAX_PAIRED]

    @cached_property
    def labels(self) -> dict[str, str]:
        """Model → its name for people."""
        names = resources.model_names()
        return {model.name: names[model.name] for model in self.models}

    @cached_property
    def configs(self) -> dict[str, RunConfig]:
        """Model → its configuration, where that can be read."""
        configs = {}
        for model in self.models:
            with suppress(UserError):
                configs[model.name] = model.config()
        return configs

    @cached_property
    def epochs_trained(self) -> dict[str, str]:
        """Trained model → its epochs: `40`, or `24 of 60, stopped`, with the reason if known."""
        return {
            model.name: _epochs_trained(model.status(), config.train)
            for model in self.models
            if (config := self.configs.get(model.name)) and config.train
        }

    @cached_property
    def costs(self) -> dict[str, ModelCost]:
        """Model → its cost."""
        return {model.name: model_cost(model) for model in self.models}

    def same_training_faces(self) -> bool:
        """Return whether all models with a known configuration were trained on the same faces."""
        training_faces = {
            (config.dataset_fingerprint, config.exclusion and config.exclusion.fingerprint)
            for config in self.configs.values()
        }
        return len(training_faces) < 2


def _epochs_trained(status: Status, config: TrainConfig) -> str:
    if status.epoch >= status.epochs:
        return f"{status.epoch:,}"
    reason: str = status.current_state()
    if reason == "finished":
        # Where it could not stop early, it was stopped, and its model kept.
        reason = "early stopping" if status.stopped_early else "stopped"
        if config.may_stop_early and not status.stopped_early:
            reason = ""  # an older version did not record it
    return f"{status.epoch:,} of {status.epochs:,}" + (f", {reason}" if reason else "")


def compare(models: Sequence[Run], subset: EvaluationSubset) -> Comparison:
    """Compare models on a subset; those with other faces than the first one are skipped."""
    result, names = Comparison(subset), resources.model_names()
    for model in models:
        if not resources.is_evaluated(model, subset):
            result.missing.append(model)
            continue
        try:
            metrics = resources.metrics(model, subset)
        except UserError as error:
            result.missing.append(model)
            result.problems.append(str(error).replace(model.name, names[model.name]))
            continue
        first = next(iter(result.metrics.values()), metrics)
        if metrics.faces_hash == first.faces_hash:
            result.models.append(model)
            result.metrics[model.name] = metrics
        else:
            result.problems.append(
                f"'{names[model.name]}' was evaluated on other faces of {split_name(subset.split)} "
                f"than '{names[result.models[0].name]}' and is skipped."
            )
    return result
