"""Several models on the same faces: who can be compared, and who is passed over and why."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from dashboard import resources
from dashboard.resources import Measured
from pipeline.errors import UserError
from pipeline.evaluation.cost import Cost, cost_of
from pipeline.evaluation.target import Target
from pipeline.runs import Run, RunConfig

MOST_TOGETHER = 20
"""Models that are compared in pairs and put together at most: the first ones chosen."""

_MADE_NAME = re.compile(r"\d{8}-\d{6}-(.+)")


@dataclass
class Compared:
    """Models on the same faces, and those that were passed over.

    Args:
        target: the faces.
        models: the compared models, in the order chosen.
        measured: model → its figures.
        missing: models without readable predictions.
        problems: one sentence for each model whose predictions cannot be used.
    """

    target: Target
    models: list[Run] = field(default_factory=list)
    measured: dict[str, Measured] = field(default_factory=dict)
    missing: list[Run] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def together(self) -> list[Run]:
        """The models that are compared in pairs and put together."""
        return self.models[:MOST_TOGETHER]

    @cached_property
    def labels(self) -> dict[str, str]:
        """Model → what it is called, short and each different."""
        return short_labels(self.models)

    @cached_property
    def configs(self) -> dict[str, RunConfig]:
        """Model → its configuration, where that can be read."""
        found = {}
        for model in self.models:
            try:
                found[model.name] = model.config()
            except UserError:
                continue
        return found

    def learnt_from_the_same(self) -> bool:
        """Tell whether all models were trained on the same faces, as far as that is known."""
        seen = {
            (config.dataset_fingerprint, config.exclusion and config.exclusion.fingerprint)
            for config in self.configs.values()
        }
        return len(seen) < 2

    @cached_property
    def costs(self) -> dict[str, Cost]:
        """Model → what it costs."""
        return {model.name: cost_of(model) for model in self.models}


def compare(models: Sequence[Run], target: Target) -> Compared:
    """Gather the figures of models; their faces must be the same as the first one's."""
    result = Compared(target)
    for model in models:
        if not resources.is_evaluated(model, target):
            result.missing.append(model)
            continue
        try:
            measured = resources.measured(model, target)
        except UserError as error:
            result.missing.append(model)
            result.problems.append(str(error))
            continue
        first = next(iter(result.measured.values()), measured)
        if measured.faces == first.faces:
            result.models.append(model)
            result.measured[model.name] = measured
        else:
            result.problems.append(
                f"'{model.name}' was evaluated on other faces of {target.split} than "
                f"'{result.models[0].name}' and is passed over."
            )
    return result


def short_labels(models: Sequence[Run]) -> dict[str, str]:
    """Return model → the name that people gave it, else its own without the time, if that is clear.

    Names that are not unique are written out.
    """
    short = {model.name: _MADE_NAME.sub(r"\1", model.title) for model in models}
    often = Counter(short.values())
    return {name: label if often[label] == 1 else name for name, label in short.items()}
