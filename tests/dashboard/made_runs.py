"""Runs with the files of a training, and the pages and page parts that show them."""

import zipfile

from streamlit.testing.v1 import AppTest

from pipeline.config.train_config import TrainConfig
from pipeline.runs import Notes, Run, create_run
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.workspace import PROJECT
from tests.dashboard.pages import HOME

CONFIG = TrainConfig(dataset="faces", epochs=5, learning_rate=0.01)
HISTORY = """\
epoch,accuracy,loss,val_accuracy,val_macro_f1,val_loss,learning_rate
0,0.3,1.5,0.2,0.1,1.6,0.01
1,0.3,1.5,0.4,0.3,1.6,0.01
2,0.3,1.5,0.3,0.2,1.6,0.01
"""


def make_run(name: str = "", state: str = "finished", **status: object) -> Run:
    """Make a run of three epochs with all its files; its model is an empty archive."""
    run = create_run(CONFIG, "f" * 64, notes=Notes(name=name))
    run.history_path.write_text(HISTORY)
    run.log_path.write_text("".join(f"- epoch {i}: loss 1.5 (70 s)\n" for i in range(3)))
    TrainingCheckpoint([{"epoch": i} for i in range(3)]).write(run)
    with zipfile.ZipFile(run.weights_path, "w") as file:
        file.writestr("nothing", "")
    run.update_status(state=state, epoch=3, steps=10, parameters=1234, **status)
    return run


def make_running(name: str = "", **status: object) -> Run:
    """Make a run that this process trains."""
    run = make_run(name, "queued")
    run.claim("queued")
    run.update_status(**status)
    return run


def make_queued(*names: str) -> list[Run]:
    return [make_run(name, "queued", queued_at=float(i)) for i, name in enumerate(names)]


def home() -> AppTest:
    return AppTest.from_file(HOME, default_timeout=60).run()


def train_page() -> AppTest:
    """Open the Train page, without the router and its sidebar."""
    page = PROJECT / "dashboard" / "app_pages" / "train.py"
    return AppTest.from_file(str(page), default_timeout=60).run()


def open_run(run: Run) -> AppTest:
    """Show an open run on a page of its own."""

    def page(path: str) -> None:
        from pathlib import Path

        from dashboard.views.train.run_detail import show_run
        from pipeline.runs import Run

        show_run(Run(Path(path)))

    at = AppTest.from_function(page, args=(str(run.path),), default_timeout=30).run()
    assert not at.exception
    return at
