"""The best trial of an experiment in a sentence, with the interval of its accuracy."""

from collections.abc import Sequence

from pipeline.errors import UserError
from pipeline.evaluation.metrics import proportion_interval
from pipeline.queue.trial_summary import best_trials
from pipeline.queue.trials import Trial
from pipeline.report.units import accuracy_with_interval
from pipeline.training.run_setup import training_faces


def best_so_far(trials: Sequence[Trial]) -> str:
    """Return the best accuracy with its 95% interval; empty without one, or without its faces.

    The interval is that of one model on these faces: the best of many trials is lucky, too.

    Args:
        trials: of one experiment, the best first.
    """
    best = next(iter(best_trials(trials)), None)
    if best is None or best.accuracy is None or best.config is None:
        return ""
    try:
        faces = training_faces(best.row.run)
    except UserError:
        return ""
    n = len(faces.indices(faces.choosing_split(), best.config.seed))
    ends = proportion_interval(round(best.accuracy * n), n)
    return f"Best so far: {accuracy_with_interval(best.accuracy, ends)} on {n:,} validation faces."
