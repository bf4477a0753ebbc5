import json
import os

import pytest

from pipeline.errors import UserError
from pipeline.workspace import PROJECT, check_name, datasets_folder, workspace, write_json


def test_the_workspace_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_WORKSPACE", str(tmp_path / "x" / ".." / "y"))
    assert workspace() == tmp_path / "y"
    assert datasets_folder() == tmp_path / "y" / "datasets"


@pytest.mark.parametrize("value", [None, ""])
def test_the_workspace_is_in_the_project_if_nothing_is_said(value, monkeypatch):
    monkeypatch.delenv("EMOTION_WORKSPACE")
    if value is not None:
        monkeypatch.setenv("EMOTION_WORKSPACE", value)
    assert workspace() == PROJECT / "workspace"


@pytest.mark.parametrize("name", ["a", "fer2013", "A-b_c.d", "0", "x" * 64])
def test_a_plain_name_is_given_back(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "-a", "a/b", "a\\b", "a b", "é", "x" * 65])
def test_a_name_that_is_no_folder_of_ours_is_refused(name):
    with pytest.raises(UserError, match="not a plain name"):
        check_name(name)


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": [1]})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": [1]}


def test_json_that_was_written_leaves_nothing_beside_it(tmp_path):
    write_json(tmp_path / "a.json", {})
    assert os.listdir(tmp_path) == ["a.json"]
