"""The command about experiments: queue one, or list its results."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from pipeline.cli.output import Json, show, visible
from pipeline.cli.train_options import ConfigFile, PresetName, config_of, given_options
from pipeline.config.train_config import OLD_NAMES
from pipeline.errors import UserError
from pipeline.queue.experiment import submit_experiment, vary
from pipeline.queue.trial_summary import formatted_values, trial_summary, varied_fields
from pipeline.queue.trials import Trial, experiments, read_trials
from pipeline.runs import RunRow, RunTable

Varied = Annotated[
    list[str] | None, typer.Option("--vary", help='"field=value value …", for one to three fields.')
]


def experiment(
    name: Annotated[str | None, typer.Argument(help="The experiment's name.")] = None,
    vary_: Varied = None,
    config: ConfigFile = None,
    preset: PresetName = None,
    as_json: Json = False,
    **fields: str | None,
) -> None:
    """Queue a run for every combination of values, as one experiment.

    The options of the configuration are what the runs have in common. With a name alone, the
    results of its runs are listed, the best first; without one, the experiments.
    """
    if not (vary_ or config or preset or given_options(fields)):
        return _report(name, as_json)
    if name is None:
        raise UserError("Give the experiment a name: experiment NAME --vary …")
    configurations = vary(config_of(config, preset, fields), parse(vary_ or []))
    runs = submit_experiment(name, configurations)
    titles = [title for title, _ in configurations]
    rows = [{"name": run.name, "title": title} for run, title in zip(runs, titles, strict=True)]
    show(rows, as_json)


def parse(options: Sequence[str]) -> dict[str, list[str]]:
    """Return field → its values; a field that is given twice has the values of both.

    Args:
        options: each `field=value value …`, with `-` or `_` in the field.

    Raises:
        UserError: there is no `=`.
    """
    varied: dict[str, list[str]] = {}
    for option in options:
        field, sign, values = option.partition("=")
        if not sign:
            raise UserError(
                f'--vary {option!r} is wrong: write it as --vary "learning_rate=0.01 0.003".'
            )
        field = field.strip().replace("-", "_")
        varied.setdefault(OLD_NAMES.get(field, field), []).extend(values.split())
    return varied


def _report(name: str | None, as_json: bool) -> None:
    by_name = experiments(RunTable().rows())
    if name is None:
        rows = [_describe(each, runs) for each, runs in by_name.items()]
        return show(rows, as_json, "No experiment yet: queue one with --vary.")
    if name not in by_name:
        names = ", ".join(by_name) or "none yet; queue one with --vary"
        raise UserError(f"Unknown experiment '{name}'. Choose from: {names}.")
    trials = read_trials(by_name[name])
    varied = varied_fields(trials)
    show([_describe_trial(trial, varied) for trial in trials], as_json)
    if not as_json:
        print(visible(trial_summary(trials)))


def _describe(name: str, runs: Sequence[RunRow]) -> dict[str, Any]:
    accuracies = [row.accuracy for row in runs if row.accuracy is not None]
    return {
        "name": name,
        "runs": len(runs),
        "finished": sum(row.state == "finished" for row in runs),
        "best_val_accuracy": max(accuracies, default=None),
    }


def _describe_trial(trial: Trial, varied: Sequence[str]) -> dict[str, Any]:
    return {
        "name": trial.row.run.name,
        **formatted_values(trial, varied),
        "state": trial.row.state,
        "accuracy": trial.accuracy,
        "macro_f1": trial.macro_f1,
        "epoch": trial.row.status.epoch,
        "total_epochs": trial.row.status.epochs,
        "seconds": trial.seconds,
    }
