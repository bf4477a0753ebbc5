import pytest

from pipeline.config.presets import preset_config
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import dataset_folder, load_dataset, remove_dataset
from pipeline.runs import Run, create_run, find_run, list_runs, model_names
from tests.cli.commands import output
from tests.conftest import invoke


@pytest.fixture
def stopped(sample, no_worker) -> Run:
    run = create_run(TrainConfig(dataset="sample"), load_dataset("sample").fingerprint)
    run.update_status(state="stopped")
    return run


def test_a_wrong_configuration_file_is_one_sentence(tmp_path, capsys):
    for content in ("[1, 2]", '"x"', '{"train": 5}', '{"dataset": "d", "model": 3}', "{",
                    '{"architecture": []}'):  # fmt: skip
        (tmp_path / "c.json").write_text(content)
        code, _, err = invoke("train", "--config", str(tmp_path / "c.json"), capsys=capsys)
        assert code == 1 and err.count("\n") == 1, content


def test_options_that_contradict_each_other_are_refused(stopped, capsys):
    for words, sentence in (
        ("--finish RUN --epochs 9", "takes a trained run and nothing else"),
        ("--finish RUN --resume RUN", "takes a trained run and nothing else"),
        ("--dataset sample --queue --no-finish", "leave --queue out"),
        ("--resume RUN --seed 2", "nothing else"),
        ("--resume RUN --config c.json", "nothing else"),
        ("--resume RUN --preset quick", "nothing else"),
        ("--config c.json --preset quick", "exclude each other"),
        ("--dataset sample --preset fast", "Choose from: quick, balanced, best"),
    ):
        arguments = words.replace("RUN", stopped.name).split()
        code, _, err = invoke("train", *arguments, capsys=capsys)
        assert code == 1 and sentence in err, words
    assert stopped.state() == "stopped" and len(list_runs()) == 1


def test_the_worker_trains_only_a_queued_run(stopped, capsys):
    code, _, err = invoke("train-run", stopped.name, capsys=capsys)

    assert code == 1 and "is stopped; this needs one that is queued" in err


def test_a_run_is_queued_and_the_old_name_of_an_option_is_accepted(sample, no_worker):
    words = ("--dataset", "sample", "--teacher-share", "0.3", "--queue", "--name", " wide ")
    run = find_run(output("train", *words).strip())

    assert run.state() == "queued" and run.config().train.distillation_weight == 0.3
    assert model_names()[run.name] == "wide" and run.config().synthetic
    assert no_worker == [["work"]]


def test_options_win_over_those_of_a_preset(sample, no_worker):
    words = ("train", "--preset", "quick", "--dataset", "sample", "--epochs", "3", "--queue")
    config = find_run(output(*words).strip()).config().train
    other = find_run(output(*words, "--architecture", "vgg16", "--weights", "none").strip())

    assert config == preset_config("quick", "sample").model_copy(update={"epochs": 3})
    assert other.config().train.architecture == "vgg16" and other.config().train.batch_size == 32


def test_a_stopped_run_is_queued_again_with_more_epochs(stopped):
    printed = output("train", "--resume", stopped.name, "--epochs", "60", "--queue")

    assert (printed.strip(), stopped.state()) == (stopped.name, "queued")
    assert stopped.status().epochs == stopped.config().train.epochs == 60


def test_a_missing_or_changed_data_set_fails_the_resumed_run_in_one_sentence(stopped, capsys):
    meta = dataset_folder("sample") / "meta.json"
    before, fingerprint = meta.read_text(), load_dataset("sample").fingerprint
    for change, sentence in (
        (lambda: meta.write_text(before.replace(fingerprint, "0" * 64)), "holds other faces than"),
        (lambda: remove_dataset("sample"), "Unknown data set 'sample'"),
    ):
        change()
        code, _, err = invoke("train", "--resume", stopped.name, capsys=capsys)
        assert code == 1 and sentence in err and err.strip().endswith(stopped.status().message)
        assert stopped.state() == "failed"


def test_a_running_run_is_asked_to_stop_after_the_epoch_and_the_next_claim_forgets_it(stopped):
    stopped.claim("stopped")

    assert "after the current epoch" in output("stop", stopped.name)
    assert stopped.stop_path.is_file() and stopped.state() == "running"
    stopped.update_status(state="stopped")
    stopped.claim("stopped")
    assert not stopped.stop_path.exists()


def test_the_help_of_train_shows_units_choices_and_defaults(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "400")
    _, out, _ = invoke("train", "--help", capsys=capsys)

    for text in (
        "more take longer and may fit better (default 40)",
        "needs more memory (faces; default 64)",
        "(sgd, adam, adamw; default adam)",
        "(custom_cnn, vgg16, resnet50v2, dlib_resnet; default custom_cnn)",
        "(default imagenet for vgg16, imagenet for resnet50v2, none for dlib_resnet)",
        "take longer (channels; default 32,64,128,256)",
        "default 0.4 for custom_cnn",
        "(True, False; default True)",
    ):
        assert text in out, text
