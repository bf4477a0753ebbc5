"""All runs and models with their names, read again only after a file of theirs has changed."""

from dataclasses import replace
from pathlib import Path

from pipeline.runs.names import run_names
from pipeline.runs.row import RunRow, read_row
from pipeline.runs.run import Run
from pipeline.runs.store import list_bundled, list_runs

Stamp = tuple[tuple[int, ...], ...]


class RunTable:
    """The rows of the workspace's runs and of the bundled models; unchanged ones are cached."""

    def __init__(self) -> None:
        self._cache: dict[Path, tuple[Stamp, RunRow]] = {}

    def rows(self) -> list[RunRow]:
        """Return the runs as their files are now, the newest first."""
        return [row for row in self._read() if not row.run.bundled]

    def models(self) -> list[RunRow]:
        """Return the models of `list_models`, in the same order."""
        return [row for row in self._bundled_first() if row.run.exported]

    def trained(self) -> list[RunRow]:
        """Return bundled models, then runs, that have Keras weights, exported or not."""
        return [row for row in self._bundled_first() if row.run.weights_path.is_file()]

    def names(self) -> dict[str, str]:
        """Return run or bundled model → its name for people, see `run_names`."""
        return {row.run.name: row.title for row in self._read()}

    def _bundled_first(self) -> list[RunRow]:
        return sorted(self._read(), key=lambda row: not row.run.bundled)

    def _read(self) -> list[RunRow]:
        cache = dict[Path, tuple[Stamp, RunRow]]()
        for run in list_runs() + list_bundled():
            stamp = _stamp(run)
            cached = self._cache.get(run.path)
            cache[run.path] = cached if cached and cached[0] == stamp else (stamp, read_row(run))
        if cache != self._cache:
            titles = run_names(row for _, row in cache.values())
            for path, (stamp, row) in cache.items():
                if row.title != titles[row.run.name]:
                    cache[path] = stamp, replace(row, title=titles[row.run.name])
            self._cache = cache
        return [row for _, row in cache.values()]


def model_names() -> dict[str, str]:
    """Return run or bundled model → its name for people, see `run_names`."""
    return RunTable().names()


def _stamp(run: Run) -> Stamp:
    """Return what changes with each file that a row is read from."""

    def file_stamp(path: Path) -> tuple[int, ...]:
        try:
            stat = path.stat()
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    paths = (run.config_path, run.status_path, run.notes_path, run.history_path)
    return tuple(map(file_stamp, paths))
