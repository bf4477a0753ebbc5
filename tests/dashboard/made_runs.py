"""The Train page, and runs as a training leaves them."""

from streamlit.testing.v1 import AppTest

from pipeline.runs import Notes, Run, create_run
from pipeline.training.config import TrainConfig
from pipeline.workspace import PROJECT

HOME = str(PROJECT / "dashboard" / "Home.py")


def train_page() -> AppTest:
    at = AppTest.from_file(HOME, default_timeout=60).run()
    return at.switch_page("app_pages/train.py").run()


def button(at: AppTest, label: str):
    return next(button for button in at.button if button.label == label)


def make_run(name: str, state: str = "finished", **changes: object) -> Run:
    run = create_run(TrainConfig(dataset="sample", epochs=5), "f" * 64, notes=Notes(name=name))
    run.history_path.write_text("epoch,val_accuracy\n0,0.25\n1,0.5\n2,0.4\n")
    run.update_status(state=state, epoch=3, steps=10, **changes)
    return run


def make_queued(*names: str) -> list[Run]:
    return [make_run(name, "queued", queued_at=float(number)) for number, name in enumerate(names)]
