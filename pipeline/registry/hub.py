"""Publishes a model on the Hugging Face Hub."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import UserError
from pipeline.registry.export_model import copy_openvino
from pipeline.runs import Run
from pipeline.storage import temporary_folder
from pipeline.workspace import workspace

_FILES = ["openvino/*", "config.json", "metadata.json", "model.weights.h5"]
"""What a push writes beside the card: patterns of paths in the repository."""


def push(model: Run, repository: str, card: str, *, private: bool = False) -> str:
    """Upload a model with its card, in one commit, and return its address.

    The repository has the OpenVINO export with labels and an example in `openvino/`, int8 too if
    the model has it, and, of a model that was trained here, its Keras model, which
    `keras.saving.load_model("hf://OWNER/NAME")` loads. These files of an earlier push are removed.

    Args:
        model: a run, a bundled or imported model, or an ensemble.
        repository: `OWNER/NAME`; it is made if there is none.
        card: its `README.md`.
        private: whether a new repository is private.

    Raises:
        UserError: huggingface-hub or a token is missing, the name is wrong, the model cannot be
            exported, the repository is public and `private` is asked for, or the Hub refuses the
            push or cannot be reached.
    """
    _check(repository)
    from huggingface_hub import HfApi

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    with _explained(repository, api.endpoint):  # before the work, and before a repository is made
        api.whoami()
        _check_card(card, api.endpoint)
        if private and api.repo_exists(repository) and not api.model_info(repository).private:
            raise UserError(
                f"'{repository}' is public already: leave --private out, or make it private in its "
                "settings on the Hub first."
            )
    workspace().mkdir(parents=True, exist_ok=True)
    with temporary_folder(workspace()) as folder:
        _write(model, folder, card)
        with _explained(repository, api.endpoint):
            address = api.create_repo(repository, private=private or None, exist_ok=True)
            api.upload_folder(
                repo_id=repository,
                folder_path=folder,
                commit_message=f"Upload {model.name}",
                delete_patterns=_FILES,
            )
    return str(address)


def _check(repository: str) -> None:
    if not find_spec("huggingface_hub"):
        raise UserError("push needs huggingface-hub: install it with pip install '.[hub]'.")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import get_token
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    if repository.count("/") != 1:
        raise UserError(f"'{repository}' is no repository of the Hub: write it as OWNER/NAME.")
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise UserError(
            f"'{repository}' is no repository of the Hub: write OWNER/NAME in letters, digits, "
            "'-', '_' and '.', without '--', '..', a mark at an end or '.git'."
        ) from error
    if not get_token():
        raise UserError(
            "There is no token of the Hugging Face Hub: set HF_TOKEN to one with write access, or "
            "run hf auth login."
        )


def _check_card(card: str, endpoint: str) -> None:
    """Let the Hub check the metadata of a card, such as the license, as it does in an upload."""
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    content = {"content": card, "repoType": "model"}
    url = f"{endpoint}/api/validate-yaml"
    answer = get_session().post(url, json=content, headers=build_hf_headers())
    if answer.status_code == 400:
        errors = " ".join(str(each.get("message")) for each in answer.json().get("errors", ()))
        raise UserError(f"The Hub refuses the model card: {' '.join(errors.split())}")
    hf_raise_for_status(answer)


def _write(model: Run, folder: Path, card: str) -> None:
    copy_openvino(model, folder / "openvino")
    if model.config().kind == "trained":
        import keras

        from pipeline.training.keras_model import load_keras

        keras.saving.save_model(load_keras(model), folder / "keras", zipped=False)
        for file in (folder / "keras").iterdir():
            file.rename(folder / file.name)
        (folder / "keras").rmdir()
    (folder / "README.md").write_text(card)


@contextmanager
def _explained(repository: str, endpoint: str) -> Iterator[None]:
    """Turn an error of the Hub, or of its storage for large files, into one sentence."""
    from httpx2 import HTTPError

    try:
        yield
    except (HTTPError, ConnectionError, PermissionError, RuntimeError, ValueError) as error:
        status = _status(error)
        if status is None:  # a ValueError is an answer that is not the Hub's
            raise UserError(
                f"The Hub at {endpoint} cannot be reached: check the connection, or HF_ENDPOINT."
            ) from error
        reasons = {
            401: "does not know the token: set HF_TOKEN to a valid one, or run hf auth login.",
            403: "refuses it: the token needs write access to that owner's repositories.",
            404: "does not find it: check the owner's name, and that the token may write there.",
        }
        reason = reasons.get(status, f"answers with status {status}: try again later.")
        raise UserError(f"'{repository}' cannot be pushed, the Hub {reason}") from error


def _status(error: Exception) -> int | None:
    """Return the HTTP status in an error of the Hub's client, None if there is none.

    Of a large file it is in the cause (Git LFS), or in the text alone (Xet).
    """
    cause = error.__cause__ if isinstance(error, RuntimeError) else error
    response = getattr(cause, "response", None)
    if response is not None:
        return int(response.status_code)
    match = re.search(r"HTTP status \w+ error \((\d{3})", str(error))
    return int(match[1]) if match else None
