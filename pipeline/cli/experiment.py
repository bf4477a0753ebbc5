"""The commands about experiments: queue one, search one, or list its results."""

import shlex
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from pipeline.cli.output import Json, print_json, progress, show, visible
from pipeline.cli.train_options import ConfigFile, PresetName, config_of, given_options
from pipeline.config.train_config import OLD_NAMES
from pipeline.errors import UserError
from pipeline.queue.experiment import submit_experiment, vary
from pipeline.queue.search import (
    Search,
    cancel_search,
    find_search,
    prepare_ray,
    search_named,
    start_search,
)
from pipeline.queue.trial_summary import formatted_values, trial_summary, varied_fields
from pipeline.queue.trials import Trial, experiments, read_trials
from pipeline.report.best_trial import best_so_far
from pipeline.runs import RunRow, RunTable

Varied = Annotated[
    list[str] | None, typer.Option("--vary", help='"field=value value …", for one to three fields.')
]


def experiment(
    name: Annotated[str | None, typer.Argument(help="The experiment's name.")] = None,
    vary_: Varied = None,
    space: Annotated[
        str | None,
        typer.Option(
            help='What to search: "learning_rate=log(1e-4,1e-1) dropout=0..0.5 widths=16,32|32,64".'
        ),
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Trials of a search (default 16).")] = None,
    search: Annotated[
        str | None,
        typer.Option(
            help="asha draws at random and cuts those early that are behind others after as many "
            "epochs, random only draws, bayes chooses by the results so far (default asha)."
        ),
    ] = None,
    search_seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of a search; without one, a random one.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a search that was canceled or killed.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="End a search and stop its trials.")
    ] = False,
    config: ConfigFile = None,
    preset: PresetName = None,
    as_json: Json = False,
    **fields: str | None,
) -> None:
    """Queue a run for every combination of values, as one experiment, or search a space.

    The options of the configuration are what the runs have in common. With a name alone, the
    results of its runs are listed, the best first; without one, the experiments.

    --space starts a search in the background, whose trials are queued as the search chooses them;
    it needs the extra `ray`. The same command again goes on with a search that was killed, or gives
    it more --samples. asha compares trials after equal epochs, so a slow start counts against
    them: with a cosine schedule or a warm-up, rates that are good late may be cut.
    """
    searched = {"space": space, "samples": samples, "search": search, "search_seed": search_seed}
    given = bool(vary_ or config or preset or given_options(fields))
    of_search = any(value is not None for value in searched.values())
    if not (given or of_search or resume or cancel):
        return _report(name, as_json)
    if name is None:
        raise UserError("Give the experiment a name: experiment NAME --vary …")
    if resume or cancel:
        if given or of_search or (resume and cancel):
            raise UserError("--resume and --cancel take the experiment's name and nothing else.")
        return _resume(name, as_json) if resume else _cancel(name)
    if of_search:
        if space is None or vary_:
            raise UserError("A search takes --space, and no --vary.")
        common = config_of(config, preset, fields)
        trials = 16 if samples is None else samples
        new = Search.make(name, common, space, trials, search or "asha", search_seed)
        return _show_search(start_search(new), as_json)
    configurations = vary(config_of(config, preset, fields), parse(vary_ or []))
    runs = submit_experiment(name, configurations)
    titles = [title for title, _ in configurations]
    rows = [{"name": run.name, "title": title} for run, title in zip(runs, titles, strict=True)]
    show(rows, as_json)


def search_run(name: Annotated[str, typer.Argument(help="An experiment with a search.")]) -> None:
    """Choose and watch the trials of a search; `experiment --space` starts this command."""
    search = search_named(name)
    prepare_ray()
    from pipeline.queue.tuning import run_search  # loads ray

    with progress(f"Searching {name}") as set_progress:
        run_search(search, set_progress)


def _resume(name: str, as_json: bool) -> None:
    _show_search(start_search(search_named(name)), as_json)


def _cancel(name: str) -> None:
    cancel_search(search_named(name))
    print(f"Canceled the search '{name}': go on with --resume.")


def _show_search(search: Search, as_json: bool) -> None:
    if as_json:
        return print_json(_describe_search(search))
    print(
        visible(
            f"Searching '{search.name}': {search.samples} trials by {search.algorithm}, seed "
            f"{search.seed}. See experiment {shlex.quote(search.name)}."
        )
    )


def _describe_search(search: Search) -> dict[str, Any]:
    described = search.model_dump(include={"name", "space", "samples", "algorithm", "seed"})
    return {**described, "state": search.state()}


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
    search = find_search(name)
    if name not in by_name and not search:
        names = ", ".join(by_name) or "none yet; queue one with --vary"
        raise UserError(f"Unknown experiment '{name}'. Choose from: {names}.")
    trials = read_trials(by_name.get(name, []))
    varied = varied_fields(trials)
    show([_describe_trial(trial, varied) for trial in trials], as_json, "No trial yet.")
    if not as_json:
        print(visible(trial_summary(trials)))
        if best := best_so_far(trials):
            print(best)
        if search:
            print(f"Search: {search.state()}, {len(trials)} of {search.samples} trials.")
            if search.state() == "failed":
                print(visible(search.job.failure() or ""))


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
        "message": trial.row.status.message,
    }
