"""Check whether a run can be resumed, and to how many epochs. Loads no keras."""

from pydantic import ValidationError

from pipeline.config.train_config import TrainConfig, explain
from pipeline.errors import UserError
from pipeline.installation import check_tensorflow
from pipeline.runs import Run, RunConfig, RunState
from pipeline.training.checkpoint import TrainingCheckpoint

RESUMABLE: tuple[RunState, ...] = ("stopped", "failed", "interrupted", "finished")


def check_resumable(run: Run, epochs: str | int | None = None) -> RunConfig:
    """Return the configuration that a run is resumed with.

    With more epochs early stopping counts from zero again. A cosine decays to the new end, so that
    the rate may rise.

    Args:
        run: a run that was stopped, failed or was interrupted, or a finished one that gets more
            epochs.
        epochs: the new value of the field `epochs`; None to leave it.

    Raises:
        UserError: TensorFlow is missing, the run is queued, running or finished, it has no
            checkpoint, or the epochs are not a number of epochs, or not more than it has.
    """
    check_tensorflow()
    state = run.state()
    if state not in RESUMABLE:
        raise UserError(f"Run '{run.name}' is {state}: there is nothing to resume.")
    done = len(TrainingCheckpoint.load_history(run)) or len(run.history())
    if state == "finished" and epochs is None:
        raise UserError(
            f"Run '{run.name}' is finished after {done} epochs: say with --epochs how many it "
            "should have.",
            on_page=f"Run '{run.name}' is finished after {done} epochs: say how many it should "
            "have.",
        )
    if done and not run.checkpoint_path.is_file():
        raise UserError(
            f"Run '{run.name}' has no checkpoint to resume from: train again with --config "
            f"{run.config_path}.",
            on_page=f"Run '{run.name}' has no checkpoint to resume from: clone it and train again.",
        )
    config = run.config()
    if epochs is None:
        return config
    longer = _with_epochs(run.train_config(), epochs, done)
    return config.model_copy(update={"train": longer, "extended_from_epoch": done})


def _with_epochs(config: TrainConfig, epochs: str | int, done: int) -> TrainConfig:
    try:
        longer = TrainConfig.model_validate({**config.model_dump(), "epochs": epochs})
    except ValidationError as error:
        raise explain(error) from error
    if longer.total_epochs <= done:
        raise UserError(
            f"epochs = {longer.epochs} is wrong: the run has {done - config.head_epochs} already, "
            "so it should be greater."
        )
    return longer
