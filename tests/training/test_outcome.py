import errno
import signal

import pytest

from pipeline.errors import UserError
from pipeline.runs import Run, create_run
from pipeline.training.config import TrainConfig
from pipeline.training.options import build_config
from pipeline.training.outcome import TrainingStopped, recorded
from tests.training.tiny import fit

CAUSES = {
    "full disk": (OSError(errno.ENOSPC, "No space left"), "The disk is full: free some space"),
    "used-up quota": (OSError(errno.EDQUOT, "Quota exceeded"), "The disk is full"),
    "no memory": (MemoryError(), "The memory is exhausted: take a smaller batch or input size."),
    "no memory for a tensor": (
        RuntimeError("RESOURCE_EXHAUSTED: OOM when allocating"),
        "The memory is exhausted",
    ),
    "keyboard": (KeyboardInterrupt(), "The training was interrupted from the keyboard."),
    "a mistake": (UserError("Unknown data set 'x'."), "Unknown data set 'x'."),
    "anything": (ValueError("odd\nmore"), "The training failed (odd): see the log."),
    "nothing said": (ZeroDivisionError(), "The training failed (ZeroDivisionError): see the log."),
}


@pytest.fixture
def run(empty_workspace) -> Run:
    return create_run(TrainConfig(dataset="d"), "f" * 64)


@pytest.mark.parametrize(("error", "sentence"), CAUSES.values(), ids=CAUSES)
def test_every_cause_fails_the_run_in_one_sentence_and_is_in_its_log(run, error, sentence):
    with pytest.raises(UserError) as raised, recorded(run, "queued"):
        raise error

    message = run.status().message
    assert run.state() == "failed" and message == str(raised.value)
    assert message.startswith(sentence) and "\n" not in message
    log = run.log_path.read_text()
    assert f"failed: {message}" in log and "Traceback" in log


def test_a_request_to_end_stops_the_run_and_is_no_failure(run):
    with pytest.raises(TrainingStopped), recorded(run, "queued"):
        signal.raise_signal(signal.SIGTERM)

    assert (run.state(), run.status().message) == ("stopped", "Stopped by request.")
    assert "Traceback" not in run.log_path.read_text()


def test_where_not_even_the_failure_can_be_written_the_run_is_interrupted(run, monkeypatch):
    def refuse(**changes: object) -> None:
        raise OSError(errno.ENOSPC, "No space left")

    with pytest.raises(UserError, match="The disk is full"), recorded(run, "queued"):
        run.update_status(process_started=1.0)  # as if this process were gone
        monkeypatch.setattr(run, "update_status", refuse)
        raise OSError(errno.ENOSPC, "No space left")

    assert run.state() == "interrupted"


def test_imagenet_weights_out_of_reach_fail_the_run_in_one_sentence(monkeypatch):
    import keras

    def unreachable(**options: object) -> None:
        raise OSError("URL fetch failure")

    monkeypatch.setattr(keras.applications, "ResNet50V2", unreachable)
    config = build_config({}, {"dataset": "tiny", "architecture": "resnet50v2"})

    with pytest.raises(UserError, match="ImageNet weights could not be downloaded.*--weights FILE"):
        fit(config)
