import pytest

from dashboard.components.plain import plain
from models import ARCHITECTURES
from pipeline.data.exclusions import exclude, remove_exclusions
from pipeline.data.store import (
    dataset_info,
    load_dataset,
    remove_dataset,
    rename_dataset,
)
from pipeline.training.options import command_line
from tests.dashboard.shown_form import (
    FILLED,
    button,
    checked,
    command,
    config_of,
    form,
)

pytestmark = pytest.mark.usefixtures("two_datasets")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_cloned_configuration_is_in_the_form_whole(name):
    config = FILLED[name]
    at = form(config)
    at.toggle(key="train.sweep").set_value(True).run()
    button(at, "Clone").click().run()
    assert command(checked(at)) == command_line(config)
    at.selectbox(key="train.schedule").set_value("plateau").run()
    at.selectbox(key="train.schedule").set_value(config.schedule).run()
    assert command(checked(at)) == command_line(config)
    button(at, "Back to the defaults").click().run()
    assert command(checked(at)) == command_line(config_of(dataset=config.dataset))


def test_a_clone_without_its_exclusion_list_says_so_and_takes_no_other():
    voted = load_dataset("voted")
    exclude(voted, "bright", {voted.ids[1]: "by hand"})
    at = form(config_of(dataset="voted", exclude="bright"), voted.fingerprint)
    at.selectbox(key="train.dataset").set_value("voted").run()
    at.selectbox(key="train.exclude").set_value("dark").run()
    remove_exclusions("voted", "bright")
    button(at, "Clone").click().run()
    assert "--dataset voted" in command(checked(at)) and "--exclude" not in command(at)
    assert "no exclusion list 'bright' any more" in at.warning[0].value
    at.selectbox(key="train.exclude").set_value("dark").run()
    assert not checked(at).warning


def test_a_clone_finds_its_renamed_data_set_and_keeps_its_exclusion_list():
    at = form(config_of(dataset="voted", exclude="dark"), dataset_info("voted").fingerprint)
    rename_dataset("voted", "another")
    button(at, "Clone").click().run()
    assert "--dataset another" in command(checked(at)) and "--exclude dark" in command(at)
    assert not at.warning


def test_a_clone_without_its_data_set_says_so_and_takes_no_other():
    at = form(config_of(dataset="voted", exclude="dark"), dataset_info("voted").fingerprint)
    remove_dataset("voted")
    button(at, "Clone").click().run()
    assert at.selectbox(key="train.dataset").value is None
    assert "Data set 'voted' is not here any more" in at.warning[0].value
    assert [error.value for error in at.error] == [plain("Choose a data set to train on.")]
    at.selectbox(key="train.dataset").set_value("plain").run()
    assert "--dataset plain" in command(checked(at)) and not at.warning


def test_a_clone_does_not_take_other_faces_of_the_same_name():
    at = form(config_of(dataset="voted"), "0" * 64)
    button(at, "Clone").click().run()
    assert at.selectbox(key="train.dataset").value is None
    assert "'voted' is not here any more, or holds other faces" in at.warning[0].value
