import errno
import socket
import subprocess
import sys
import time

import pytest

from pipeline.config.options import build_config
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.runs import Run, create_run
from pipeline.training.run_status import record_status
from tests.conftest import wait_for
from tests.training.tiny import fit


@pytest.fixture
def run(empty_workspace) -> Run:
    return create_run(TrainConfig(dataset="d"), "f" * 64)


def test_every_failure_is_recorded_in_one_sentence_and_is_in_the_log(run):
    for error, sentence in [
        (
            OSError(errno.ENOSPC, "No space left"),
            "The run cannot be written (No space left): free some disk space, then resume the run.",
        ),
        (OSError(errno.EDQUOT, "Quota exceeded"), "The run cannot be written (Quota exceeded)"),
        (MemoryError(), "The memory is exhausted: take a smaller batch or input size."),
        (RuntimeError("RESOURCE_EXHAUSTED: OOM when allocating"), "The memory is exhausted"),
        (KeyboardInterrupt(), "The training was interrupted from the keyboard."),
        (UserError("Unknown data set 'x'."), "Unknown data set 'x'."),
        (ValueError("odd\nmore"), "The training failed (odd): see the log."),
        (ZeroDivisionError(), "The training failed (ZeroDivisionError): see the log."),
    ]:
        with pytest.raises(UserError) as raised, record_status(run, "queued", "failed"):
            raise error

        message = run.status().message
        assert run.state() == "failed" and message == str(raised.value)
        assert message.startswith(sentence) and "\n" not in message
        log = run.log_path.read_text()
        assert f"failed: {message}" in log and "Traceback" in log


def test_a_request_to_end_stops_the_run_and_is_no_failure(run):
    # In a process of its own: OpenVINO's CPU plugin, which other tests load, can leave this one
    # with a freed alternate signal stack, on which any signal's handler crashes.
    program = (
        "import signal; from pathlib import Path; from pipeline.runs import Run; "
        "from pipeline.training.run_status import record_status\n"
        f"with record_status(Run(Path({str(run.path)!r})), 'queued'):\n"
        "    signal.raise_signal(signal.SIGTERM)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert ended.returncode == 1 and "TrainingStopped" in ended.stderr
    assert (run.state(), run.status().message) == ("stopped", "Stopped by request.")
    assert "Traceback" not in run.log_path.read_text()


@pytest.mark.slow
def test_a_request_to_end_holds_where_its_exception_is_lost(empty_workspace):
    dropped = (
        "    model = Run(Path())\n"
        "    dies = weakref.ref(model, lambda _: signal.raise_signal(signal.SIGTERM))\n"
        "    del model\n"
        "    check_stop()"
    )
    replaced = (
        "    try: signal.raise_signal(signal.SIGTERM)\n"
        "    except BaseException: raise RuntimeError('as C++ code that calls Python does')"
    )
    before_the_block = "    pass"
    for case, block in (
        ("in a finalizer", dropped),
        ("in a callback of C++", replaced),
        ("while the run is claimed", before_the_block),
    ):
        early = case == "while the run is claimed"
        run = create_run(TrainConfig(dataset="d"), "f" * 64)
        program = (
            "import signal, weakref; from pathlib import Path; from pipeline.runs import Run; "
            "from pipeline.training.run_status import check_stop, record_status\n"
            "class Claimed(Run):\n"
            "    def claim(self, *allowed, config=None):\n"
            f"        {early} and signal.raise_signal(signal.SIGTERM)\n"
            "        super().claim(*allowed, config=config)\n"
            f"with record_status(Claimed(Path({str(run.path)!r})), 'queued'):\n{block}"
        )
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

        assert ended.stderr.rstrip().endswith("TrainingStopped"), (case, ended.stderr)
        assert ("Exception ignored" in ended.stderr) == (case == "in a finalizer")
        assert (run.state(), run.status().message) == ("stopped", "Stopped by request."), case


def test_a_training_writes_its_heartbeat_and_stops_when_another_machine_asks(run):
    program = (
        "import time; from pathlib import Path; from pipeline.runs import Run; "
        "from pipeline.training import run_status\n"
        "run_status.HEARTBEAT_S = 0.05\n"
        f"with run_status.record_status(Run(Path({str(run.path)!r})), 'queued'):\n"
        "    time.sleep(60)"
    )
    training = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    wait_for(lambda: run.status().state == "running")
    begin = run.status()
    assert begin.host == socket.gethostname() and time.time() - begin.heartbeat < 30
    wait_for(lambda: run.status().heartbeat > begin.heartbeat)
    assert run.status().model_copy(update={"heartbeat": begin.heartbeat}) == begin
    run.ask_to_stop(now=True, reason="Not promising.")

    _, printed = training.communicate(timeout=60)
    assert printed.rstrip().endswith(b"TrainingStopped")
    assert (run.state(), run.status().message) == ("stopped", "Not promising.")


def test_a_finished_run_stays_so_if_its_resume_fails_at_once(run):
    run.update_status(state="finished")
    full = OSError(errno.ENOSPC, "No space left")

    with pytest.raises(UserError, match="No space left"), record_status(run, "finished"):
        raise full
    assert run.state() == "finished" and "No space left" in run.status().message

    with pytest.raises(UserError, match="No space left"), record_status(run, "finished"):
        run.history_path.write_text("epoch,loss\n0,1.0\n")  # an epoch of the resume
        raise full
    assert run.state() == "failed"


def test_a_failure_after_the_end_is_recorded_changes_nothing(run):
    with pytest.raises(UserError, match="Broken pipe"), record_status(run, "queued"):
        run.update_status(state="finished", message="")
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")  # nobody reads what is printed

    assert (run.state(), run.status().message) == ("finished", "")


def test_where_not_even_the_failure_can_be_written_the_run_is_interrupted(run, monkeypatch):
    def refuse(**changes: object) -> None:
        raise OSError(errno.ENOSPC, "No space left")

    with pytest.raises(UserError, match="No space left"), record_status(run, "queued"):
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

    with pytest.raises(UserError, match="ImageNet weights could not be downloaded: give a weights"):
        fit(config)
