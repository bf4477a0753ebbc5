"""How the runs of an experiment compare: what varies, what tells them apart, which is best.

Loads no keras.
"""

from collections.abc import Iterable, Sequence
from statistics import mean, stdev

from pipeline.training.experiment import differing_fields
from pipeline.training.options import as_text
from pipeline.training.trials import Trial

_LEVEL_BELOW = 0.05  # points: what 0.0 is shown for
_MOST_LISTED = 3


def varied_fields(trials: Sequence[Trial]) -> list[str]:
    """Return the fields in which the configurations differ."""
    return differing_fields([trial.config for trial in trials if trial.config])


def numeric_fields(trials: Sequence[Trial], fields: Iterable[str]) -> list[str]:
    """Return those of the fields that are numbers in all trials, without the seed."""
    values = {name: [trial.values.get(name) for trial in trials] for name in fields}
    return [
        name
        for name, found in values.items()
        if name != "seed" and all(type(value) in (int, float) for value in found)
    ]


def judged(trials: Iterable[Trial]) -> list[Trial]:
    """Return the trials that have an accuracy and a configuration to put it down to."""
    return [trial for trial in trials if trial.accuracy is not None and trial.config]


def labels(trials: Sequence[Trial], fields: Sequence[str], *, named: bool = True) -> list[str]:
    """Return what tells each trial from the others; never the same twice.

    Args:
        trials: of one experiment.
        fields: the fields that vary; without any the runs' titles are taken.
        named: whether the fields' names go with their values.
    """
    told = [
        " · ".join(
            f"{name.replace('_', ' ')} {text}" if named else text
            for name, text in value_texts(trial, fields).items()
        )
        or trial.row.title
        for trial in trials
    ]
    return [
        f"{text} ({trial.row.run.name[-4:]})" if told.count(text) > 1 else text
        for text, trial in zip(told, trials, strict=True)
    ]


def value_texts(trial: Trial, fields: Iterable[str]) -> dict[str, str]:
    """Return field → its value as an option has it; a dash where a trial has no such field."""
    return {name: as_text(trial.values[name]) if name in trial.values else "–" for name in fields}


def leading(trials: Sequence[Trial]) -> list[Trial]:
    """Return the best of the judged trials, and those that are level with it to 0.1 points.

    Args:
        trials: of one experiment, the best first.
    """
    compared = judged(trials)
    return [trial for trial in compared if _ahead(compared[0], trial) < _LEVEL_BELOW]


def _ahead(trial: Trial, other: Trial) -> float:
    return 100 * ((trial.accuracy or 0.0) - (other.accuracy or 0.0))


def verdict(trials: Sequence[Trial]) -> str:
    """Return in a sentence which trials are best and how far they lead, or how much seeds matter.

    Args:
        trials: of one experiment, the best first.
    """
    compared, fields = judged(trials), varied_fields(trials)
    if not compared:
        return "No run has finished an epoch yet."
    accuracies = [100 * (trial.accuracy or 0.0) for trial in compared]
    if fields == ["seed"] and len(compared) > 1:
        scores = [100 * trial.macro_f1 for trial in compared if trial.macro_f1 is not None]
        return (
            f"{len(compared)} seeds, mean ± standard deviation: accuracy {_spread(accuracies)}, "
            f"macro F1 {_spread(scores)}."
        )
    names, first = labels(compared, fields), len(leading(compared))
    best = f"{'Best' if first == 1 else 'Level'}: {_listed(names[:first])}"
    leads = f"{best} with an accuracy of {accuracies[0]:.1f} %"
    if first == len(compared):
        return f"{leads}."
    ahead = accuracies[0] - accuracies[first]
    return f"{leads}, {ahead:.1f} points ahead of {names[first]} ({accuracies[first]:.1f} %)."


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_LISTED
    *most, last = [*names[:_MOST_LISTED], f"{rest} more"] if rest > 0 else names
    return f"{', '.join(most)} and {last}" if most else last


def _spread(percentages: Sequence[float]) -> str:
    if len(percentages) < 2:
        return "–"
    return f"{mean(percentages):.1f} ± {stdev(percentages):.1f} %"
