"""Time of the Train page with 1,000 runs in a browser, and the cost of keeping it open.

Run: python benchmarks/train_page.py

Claim, on 2 idle cores: the page shows within 1.5 s.
"""

import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.claims import check_bounds
from support.pages import Element, median_of_rounds, open_dashboard, open_page
from support.server import Server
from support.synthetic import EPOCHS, write_history

from models import ARCHITECTURES
from pipeline.config.train_config import TrainConfig
from pipeline.runs import Notes, Run, RunConfig, RunTable, Status
from pipeline.storage import write_json
from pipeline.workspace import runs_folder

RUNS = 1000
MAX_SECONDS = 1.5
OPEN_SECONDS = 20
SHOWN = [
    Element('[data-testid="stProgress"]'),
    Element('[data-testid="stDataFrame"] canvas'),
    Element(".js-plotly-plot .scatterlayer .trace"),
]


def main() -> None:
    """Print the measurements; exit 1 if the claim does not hold."""
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["EMOTION_WORKSPACE"] = workspace
        write_runs()
        measure_table()
        holds = measure_page(Path(workspace))
    sys.exit(int(not holds))


def write_runs() -> None:
    """Write the runs, as many of each state and architecture; one of them trains."""
    states = ("finished", "stopped", "failed", "running")
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for index in range(RUNS):
        architecture = list(ARCHITECTURES)[index % len(ARCHITECTURES)]
        when = begin + timedelta(hours=index)
        run = Run(runs_folder() / f"{when:%Y%m%d-%H%M%S}-{architecture}-{index:04x}")
        run.path.mkdir(parents=True)
        config = TrainConfig.model_validate({"dataset": "d", "architecture": architecture})
        content = RunConfig(train=config, dataset_fingerprint="f" * 64).model_dump(mode="json")
        write_json(run.config_path, content)
        status = Status(state=states[index % len(states)], epoch=EPOCHS, epochs=EPOCHS)
        run.write_status(status)
        run.write_notes(Notes(name=f"run {index}", tags=("even",) * (index % 2 == 0)))
        write_history(run, index)
    run.claim("running", "interrupted")


def measure_table() -> None:
    """Print the CPU time of reading all runs, and of checking whether they have changed."""
    table = RunTable()
    begin = time.process_time()
    rows = table.rows()
    read = time.process_time() - begin
    begin = time.process_time()
    table.rows()
    checked = time.process_time() - begin
    print(f"{len(rows):,} runs: {1e3 * read:.0f} ms of CPU to read, {1e3 * checked:.0f} ms again")


def measure_page(workspace: Path) -> bool:
    """Time the page until the table and the open run are drawn; measure what it costs open."""
    with open_dashboard(workspace) as (server, page):

        def show() -> float:
            return open_page(page, f"{server.url}/train", SHOWN)

        show()  # the first time loads Python's imports
        seconds = median_of_rounds(show)
        share = cpu_share(server)
    print(f"open, with one run in training: {share:.0%} of a core")
    return check_bounds("the page, median in seconds", seconds, at_most=MAX_SECONDS)


def cpu_share(server: Server) -> float:
    """Return the share of a core that the server uses for some time."""
    before = sum(server.process.cpu_times()[:2])
    time.sleep(OPEN_SECONDS)
    return (sum(server.process.cpu_times()[:2]) - before) / OPEN_SECONDS


if __name__ == "__main__":
    main()
