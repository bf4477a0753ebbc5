"""Going on with a run that ended: which runs can, and to how many epochs. Loads no keras."""

from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.runs import Run, RunConfig, ShownState
from pipeline.training.config import TrainConfig, explain
from pipeline.training.state import TrainingState

RESUMABLE: tuple[ShownState, ...] = ("stopped", "failed", "interrupted", "finished")


def check_resumable(run: Run, epochs: str | int | None = None) -> RunConfig:
    """Return what a run goes on with.

    More epochs make early stopping count anew. A cosine takes the place on its course to the new
    end that the next epoch has there, so that the rate may rise again.

    Args:
        run: a run that was stopped, failed or was interrupted, or a finished one that gets more
            epochs.
        epochs: the field `epochs` from now on, as `train` has it; None to leave it.

    Raises:
        UserError: the run is queued, running or finished, it keeps no state, or the epochs are
            no number of epochs or no more than it has.
    """
    state = run.state()
    if state not in RESUMABLE:
        raise UserError(f"Run '{run.name}' is {state}: there is nothing to resume.")
    done = len(TrainingState.history_of(run)) or len(run.history())
    if state == "finished" and epochs is None:
        raise UserError(
            f"Run '{run.name}' is finished after {done} epochs: say with --epochs how many it "
            "shall have."
        )
    if done and not run.state_path.is_file():
        raise UserError(
            f"Run '{run.name}' keeps no state to go on from: train anew with --config "
            f"{run.config_path}."
        )
    config = run.config()
    if epochs is None:
        return config
    longer = _with_epochs(config.train, epochs, done)
    return config.model_copy(update={"train": longer, "extended_at": done})


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


def extend(run: Run, config: RunConfig) -> None:
    """Make a run train with what `check_resumable` returned."""
    run.write_config(config)
    run.update_status(epochs=config.train.total_epochs)
