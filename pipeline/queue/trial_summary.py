"""Summary of an experiment's trials: which fields vary, their names, the best ones.

Loads no keras.
"""

from collections.abc import Iterable, Sequence
from statistics import mean, stdev

from pipeline.config.options import as_text
from pipeline.queue.experiment import differing_fields
from pipeline.queue.trials import Trial

_TIE_MARGIN_POINTS = 0.05  # a difference below it is shown as 0.0
_MAX_LISTED = 3


def varied_fields(trials: Sequence[Trial]) -> list[str]:
    """Return the fields in which the configurations differ."""
    return differing_fields([trial.config for trial in trials if trial.config])


def numeric_fields(trials: Sequence[Trial], fields: Iterable[str]) -> list[str]:
    """Return those of the fields that are numbers in all trials, without the seed."""
    return [
        name
        for name in fields
        if name != "seed" and all(type(trial.values.get(name)) in (int, float) for trial in trials)
    ]


def scored_trials(trials: Iterable[Trial]) -> list[Trial]:
    """Return the trials that have an accuracy and a configuration."""
    return [trial for trial in trials if trial.accuracy is not None and trial.config]


def trial_names(
    trials: Sequence[Trial], fields: Sequence[str], *, with_field_names: bool = True
) -> list[str]:
    """Return a unique name for each trial.

    Args:
        trials: of one experiment.
        fields: the fields that vary; without any the names are the runs' titles.
        with_field_names: whether the names have the fields beside their values.
    """
    texts = [
        " · ".join(
            f"{name.replace('_', ' ')} {text}" if with_field_names else text
            for name, text in formatted_values(trial, fields).items()
        )
        or trial.row.title
        for trial in trials
    ]
    return [
        f"{text} ({trial.row.run.name[-4:]})" if texts.count(text) > 1 else text
        for text, trial in zip(texts, trials, strict=True)
    ]


def formatted_values(trial: Trial, fields: Iterable[str]) -> dict[str, str]:
    """Map each field to its value as an option takes it; a dash where a trial lacks the field."""
    return {name: as_text(trial.values[name]) if name in trial.values else "–" for name in fields}


def best_trials(trials: Sequence[Trial]) -> list[Trial]:
    """Return the most accurate trials: the best one and those equal to it within 0.05 points.

    Args:
        trials: of one experiment, the best first.
    """
    scored = scored_trials(trials)
    return [trial for trial in scored if _accuracy_gap(scored[0], trial) < _TIE_MARGIN_POINTS]


def _accuracy_gap(trial: Trial, other: Trial) -> float:
    """Return how much more accurate a trial is than another, in percentage points."""
    return 100 * ((trial.accuracy or 0.0) - (other.accuracy or 0.0))


def trial_summary(trials: Sequence[Trial]) -> str:
    """Return one sentence: the best trials, at the end their lead, or the spread over seeds.

    Args:
        trials: of one experiment, the best first.
    """
    scored, fields = scored_trials(trials), varied_fields(trials)
    if not scored:
        return "No run has finished an epoch yet."
    accuracies = [100 * (trial.accuracy or 0.0) for trial in scored]
    if fields == ["seed"] and len(scored) > 1:
        macro_f1s = [trial.macro_f1 for trial in scored if trial.macro_f1 is not None]
        return (
            f"{len(scored)} seeds, mean ± standard deviation: accuracy "
            f"{_spread(accuracies, '.1f')}%, macro F1 {_spread(macro_f1s, '.3f')}."
        )
    names, n_best = trial_names(scored, fields), len(best_trials(scored))
    unfinished = any(trial.row.state in ("queued", "running") for trial in trials)
    best = "Best so far" if unfinished else "Best" if n_best == 1 else "Tied"
    sentence = f"{best}: {_join_names(names[:n_best])} with an accuracy of {accuracies[0]:.1f}%"
    if n_best == len(scored) or unfinished:
        return f"{sentence}."
    ahead = accuracies[0] - accuracies[n_best]
    return f"{sentence}, {ahead:.1f} points ahead of {names[n_best]} ({accuracies[n_best]:.1f}%)."


def _join_names(names: Sequence[str]) -> str:
    rest = len(names) - _MAX_LISTED
    *most, last = [*names[:_MAX_LISTED], f"{rest} more"] if rest > 0 else names
    return f"{', '.join(most)} and {last}" if most else last


def _spread(values: Sequence[float], form: str) -> str:
    return f"{mean(values):{form}} ± {stdev(values):{form}}" if len(values) > 1 else "–"
