"""Names of runs and bundled models for people: one for each, the same everywhere."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import combinations

from pipeline.runs.row import RunRow

_MAX_FIELDS = 2


def run_names(rows: Iterable[RunRow]) -> dict[str, str]:
    """Return run → its name for people, unique among these runs.

    It is the name that a person gave the run, else architecture, data set and date, such as
    `custom_cnn · fer2013 · 2026-11-28`. Equal ones are told apart by the configuration's fields in
    which they differ, else by the time, else by the end of their folders' names.

    Args:
        rows: all runs and bundled models, so that each has the same name wherever it is shown.
    """
    groups: dict[str, list[RunRow]] = {}
    for row in rows:
        groups.setdefault(_name(row), []).append(row)
    named = {
        row.run.name: f"{name}{ending}"
        for name, group in groups.items()
        for row, ending in zip(group, _endings(group), strict=True)
    }
    taken = list(named.values())
    return {
        run: name if taken.count(name) == 1 or name == run else f"{name} ({run})"
        for run, name in named.items()
    }


def _name(row: RunRow) -> str:
    return (row.run.name if row.run.bundled else row.notes.name) or default_name(row)


def default_name(row: RunRow) -> str:
    """Return the name of a run that nobody named.

    It is its folder's if it was not trained here, or if its configuration is damaged.
    """
    if row.architecture is None or row.kind != "trained":
        return row.run.name
    return " · ".join(filter(None, (row.architecture, row.dataset, created(row, "%Y-%m-%d"))))


def _endings(group: Sequence[RunRow]) -> list[str]:
    """Return what tells runs of the same name apart; nothing for a single one."""
    if len(group) == 1:
        return [""]
    ways: Iterable[Callable[[RunRow], str]] = (
        lambda row: f" · {created(row, '%H:%M')}",
        lambda row: f" · {created(row, '%Y-%m-%d %H:%M:%S')}",
        lambda row: f" · {row.run.name[-4:]}",
        lambda row: f" · {row.run.name}",
    )
    by_fields = _differing_fields(group)
    if by_fields:
        return by_fields
    one_day = len({created(row, "%Y-%m-%d") for row in group}) == 1
    for way in ways if one_day else list(ways)[1:]:
        endings = [way(row) for row in group]
        if len(set(endings)) == len(group):
            return endings
    return [""] * len(group)


def _differing_fields(group: Sequence[RunRow]) -> list[str]:
    """Return the values of the one or two fields that tell all these runs apart; [] if none do."""
    facts = [_facts(row) for row in group]
    differing = [
        name
        for name in facts[0]
        if all(name in each for each in facts) and len({each[name] for each in facts}) > 1
    ]
    for count in range(1, _MAX_FIELDS + 1):
        for names in combinations(differing, count):
            endings = ["".join(f" · {each[name]}" for name in names) for each in facts]
            if len(set(endings)) == len(group):
                return endings
    return []


def _facts(row: RunRow) -> dict[str, str]:
    """Return field → what is shown of it in a name."""
    facts = {"experiment": row.notes.experiment} if row.notes.experiment else {}
    for name, text in row.fields.items():
        alone = name in ("architecture", "dataset")
        facts[name] = text if alone else f"{name.replace('_', ' ')} {text}"
    return facts


def created(row: RunRow, form: str) -> str:
    """Return when a run was created, in this machine's time; empty if its folder does not say.

    Args:
        row: the run.
        form: of `strftime`.
    """
    try:
        time = datetime.strptime(row.run.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return ""
    return time.astimezone().strftime(form)
