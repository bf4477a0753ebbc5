"""Runs as a training leaves them, each opened on a page of its own."""

import zipfile

from streamlit.testing.v1 import AppTest

from pipeline.runs import Notes, Run, create_run
from pipeline.training.config import TrainConfig
from pipeline.training.state import TrainingState

CONFIG = TrainConfig(dataset="faces", epochs=5, learning_rate=0.01)


def make_run(state: str, message: str = "", epochs: int = 3, **notes: object) -> Run:
    """Make a run with a history, a log, a state without weights, and an archive for a model."""
    run = create_run(CONFIG, "f" * 64, notes=Notes(**notes) if notes else None)
    rows = [f"{i},0.3,1.5,{0.2 + i / 10},{0.1 + i / 10},1.6,0.01" for i in range(epochs)]
    head = "epoch,accuracy,loss,val_accuracy,val_macro_f1,val_loss,learning_rate"
    run.history_path.write_text("\n".join([head, *rows, ""]))
    run.log_path.write_text("".join(f"- epoch {i}: loss 1.5 (70 s)\n" for i in range(epochs)))
    TrainingState([{"epoch": i} for i in range(epochs)]).write(run)
    with zipfile.ZipFile(run.weights_path, "w") as file:
        file.writestr("nothing", "")
    run.update_status(state=state, message=message, epoch=epochs, steps=10, parameters=1234)
    return run


def page(path: str) -> None:
    from pathlib import Path

    from dashboard.components.train.opened import show_run
    from pipeline.runs import Run

    show_run(Run(Path(path)))


def open_run(run: Run) -> AppTest:
    at = AppTest.from_function(page, args=(str(run.path),), default_timeout=30).run()
    assert not at.exception
    return at


def labels(at: AppTest) -> list[str]:
    """Return what can be pressed, popovers among it."""
    popovers = [block.proto.popover.label for block in at.get("popover")]
    return [button.label for button in at.button] + popovers


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception
    return at


def words(at: AppTest) -> str:
    shown = [*at.markdown, *at.caption, *at.text, *at.info, *at.warning, *at.error]
    return "\n".join(element.value for element in shown)
