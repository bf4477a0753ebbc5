import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.plain import plain
from pipeline.runs import Run, create_run
from pipeline.training import queue
from pipeline.training.config import TrainConfig
from tests.dashboard.made_runs import HOME, button, make_queued, make_run, train_page


def words(at: AppTest) -> str:
    shown = [element.value for kind in (at.markdown, at.caption) for element in kind]
    return "\n".join([*shown, *(bar.text for bar in at.get("progress"))])


def make_running(name: str) -> Run:
    run = make_run(name, "queued")
    run.claim("queued")
    run.update_status(step=4, steps=10, loss=1.234, accuracy=0.456, images_per_s=217.4, eta_s=200.0)
    return run


def test_a_run_that_trains_tells_how_far_it_is():
    make_running("wide")
    shown = words(train_page())
    assert "epoch 4/5 · 3 min 20 s left" in shown and "step 4/10 · 217 images/s" in shown
    assert "loss 1.234 · accuracy 45.6 %" in shown
    assert "best val accuracy 50.0 % in epoch 2" in shown


def test_figures_that_come_later_have_their_place_from_the_first():
    run = create_run(TrainConfig(dataset="sample"), "f" * 64, claimed=True)
    before = train_page()
    assert "starting" in words(before) and "loss – · accuracy –" in words(before)

    run.update_status(step=1, steps=10, loss=1.0, accuracy=0.5, images_per_s=9.0, eta_s=5.0)

    after = train_page()
    for kind in ("markdown", "caption", "progress", "button"):
        assert len(after.get(kind)) == len(before.get(kind))


def test_a_running_run_stops_after_its_epoch_and_the_page_says_so():
    run = make_running("wide")
    at = train_page()
    at.menu_button(key=f"train.active.stop.{run.name}").click("After this epoch").run()
    assert run.stop_path.exists() and run.state() == "running"
    assert "stops after this epoch" in words(at)
    assert "stops after this epoch" in at.toast[0].value
    assert not at.run().toast and not at.exception


def test_queued_runs_are_moved_and_cancelled():
    runs = make_queued("first", "second", "third")
    at = train_page()
    assert button(at, "Earlier").disabled

    at.button(key=f"train.active.Later.{runs[0].name}").click().run()
    assert [run.title for run in queue.waiting()] == ["second", "first", "third"]
    at.button(key=f"train.active.Earlier.{runs[2].name}").click().run()
    assert [run.title for run in queue.waiting()] == ["second", "third", "first"]

    at.button(key=f"train.active.Cancel.{runs[2].name}").click().run()
    assert runs[2].state() == "stopped" and not at.exception


def test_what_cannot_be_done_is_one_sentence():
    first, second = make_queued("first", "second")
    at = train_page()
    first.update_status(state="finished")
    at.button(key=f"train.active.Cancel.{first.name}").click().run()
    assert "nothing to stop" in at.toast[0].value and not at.exception


def test_how_many_run_at_once_is_set_here_and_follows_what_others_set():
    make_run("wide")
    at = train_page()
    at.number_input(key="train.at_once").set_value(3).run()
    assert queue.at_once() == 3
    queue.set_at_once(2)
    assert at.run().number_input(key="train.at_once").value == 2


def test_what_waits_without_a_worker_gets_one_from_any_page(started, empty_workspace):
    make_queued("first")
    AppTest.from_file(HOME, default_timeout=60).run()
    assert started == [["work"]]
    train_page()
    assert started == [["work"]]


def test_every_page_tells_what_trains_and_nothing_where_nothing_does():
    at = AppTest.from_file(HOME, default_timeout=60).run()
    assert not at.sidebar.markdown and not at.sidebar.caption
    make_running("wide")
    make_queued("first", "second")
    at.run()
    assert "wide" in at.sidebar.markdown[0].value
    assert at.sidebar.get("progress")[0].text == "68 % · 3 min 20 s left"
    assert at.sidebar.caption[0].value == "2 more runs wait"


def look() -> None:
    from dashboard.components.train.sidebar import _follow

    _follow()


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "interrupted"])
def test_the_end_of_a_run_is_told_once(state):
    run = make_running("wide")
    at = AppTest.from_function(look).run()
    assert not at.toast
    ended = {"process_started": 1.0} if state == "interrupted" else {"state": state}
    run.update_status(**ended)
    at.run()
    assert [toast.value for toast in at.toast] == [plain(f"{state.capitalize()}: wide")]
    assert not at.run().toast and not at.exception
