import shutil

import pytest

from dashboard import resources
from pipeline.errors import UserError
from pipeline.runs import list_runs


def test_int8_goes_before_the_default_and_is_read_again_when_it_has_changed(
    trained, empty_workspace
):
    shutil.copytree(trained, empty_workspace)
    (run,) = list_runs()

    assert resources.recognizer(run).precision == "default"
    for suffix in (".bin", ".xml"):
        shutil.copy(run.openvino_path.with_suffix(suffix), run.int8_path.with_suffix(suffix))
    assert resources.recognizer(run).precision == "int8"
    run.int8_path.write_text("no model")
    with pytest.raises(UserError, match="export it with --int8"):
        resources.recognizer(run)
    run.int8_path.unlink()
    assert resources.recognizer(run).precision == "default"
