"""How fast the Train page shows 1,000 runs in a browser, and what watching them costs.

Run: python benchmarks/train_page.py
"""

import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
from dataset import ROUNDS, median_of, serve, wait_for_end
from playwright.sync_api import Page, sync_playwright

from models import ARCHITECTURES
from pipeline.runs import Notes, Run, RunConfig, RunTable, Status
from pipeline.training.config import TrainConfig
from pipeline.workspace import runs_folder, write_json

RUNS = 1000
EPOCHS = 40
MOST_SECONDS = 1.5
WATCHED_SECONDS = 20


def main() -> None:
    """Print the figures; exit 1 if the page misses its promise."""
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["EMOTION_WORKSPACE"] = workspace
        write_runs()
        measure_table()
        seconds = measure_page(Path(workspace))
    sys.exit(int(seconds > MOST_SECONDS))


def write_runs() -> None:
    """Write the runs, as many of each state and architecture; one of them trains."""
    states = ("finished", "stopped", "failed", "running")
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(RUNS):
        architecture = list(ARCHITECTURES)[number % len(ARCHITECTURES)]
        when = begin + timedelta(hours=number)
        run = Run(runs_folder() / f"{when:%Y%m%d-%H%M%S}-{architecture}-{number:04x}")
        run.path.mkdir(parents=True)
        config = TrainConfig.model_validate({"dataset": "d", "architecture": architecture})
        content = RunConfig(train=config, dataset_fingerprint="f" * 64).model_dump(mode="json")
        write_json(run.config_path, content)
        status = Status(state=states[number % len(states)], epoch=EPOCHS, epochs=EPOCHS)
        run.write_status(status)
        run.write_notes(Notes(name=f"run {number}", tags=("even",) * (number % 2 == 0)))
        write_history(run, number)
    run.claim("running", "interrupted")


def write_history(run: Run, seed: int) -> None:
    """Write so many epochs that rise and waver."""
    accuracy = np.cumsum(np.random.default_rng(seed).random(EPOCHS)) / EPOCHS
    figures = ("accuracy", "loss", "val_accuracy", "val_loss", "val_macro_f1")
    lines = [f"{epoch},{','.join([f'{a:.6f}'] * 5)}" for epoch, a in enumerate(accuracy)]
    run.history_path.write_text("\n".join((f"epoch,{','.join(figures)}", *lines)) + "\n")


def measure_table() -> None:
    """Time how long the rows take to read, and to look whether they have changed."""
    table = RunTable()
    begin = time.process_time()
    rows = table.rows()
    read = time.process_time() - begin
    begin = time.process_time()
    table.rows()
    looked = time.process_time() - begin
    print(f"{len(rows):,} runs: {1e3 * read:.0f} ms of processor to read, {1e3 * looked:.0f} again")


def measure_page(workspace: Path) -> float:
    """Time the page from the address to its last part; then watch what the open page costs."""
    with serve(workspace) as (url, server), sync_playwright() as playwright:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        open_page(page, url)  # the first one starts Python's imports
        seconds = median_of(lambda: open_page(page, url))
        share = watch(server)
        browser.close()
    print(f"page: {seconds:.2f} s, the median of {ROUNDS} (at most {MOST_SECONDS} s)")
    print(f"watching one run: {100 * share:.0f} % of a core")
    return seconds


def open_page(page: Page, url: str) -> float:
    """Open the page and wait until the opened run's curves are drawn and the script has ended."""
    page.goto("about:blank")
    for _ in range(100):  # until the server listens
        start = time.perf_counter()
        try:
            page.goto(f"{url}/train")
            break
        except Exception:
            time.sleep(0.1)
    page.get_by_test_id("stProgress").last.wait_for(timeout=60_000)
    page.locator('[data-testid="stDataFrame"] canvas').first.wait_for()
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for()
    wait_for_end(page)
    return time.perf_counter() - start


def watch(server: psutil.Process) -> float:
    """Return the share of a core that the dashboard takes while the page stays open."""
    before = sum(server.cpu_times()[:2])
    time.sleep(WATCHED_SECONDS)
    return (sum(server.cpu_times()[:2]) - before) / WATCHED_SECONDS


if __name__ == "__main__":
    main()
