"""The model card of a model on the Hugging Face Hub: the metadata that the Hub reads, and the text.

The metadata: https://huggingface.co/docs/hub/model-cards
"""

from typing import Any

import yaml
from pydantic_core import from_json

from pipeline.data.dataset import CHOOSING_SPLITS
from pipeline.errors import UserError
from pipeline.report.model_card import model_card
from pipeline.runs import Run

LICENSE = "other"
"""The license if none is given: that of the weights is not known, and the card says so."""

_KERAS = """
## Load it

```
import keras

model = keras.saving.load_model("hf://{repository}")  # gray (n, 48, 48, 1), 0 to 255
```
"""
_OPENVINO = """
`openvino/` has the OpenVINO model, its labels in `model.json`, and a program that runs it, \
`example.py`.
"""


def hub_card(model: Run, repository: str, license: str = LICENSE) -> str:
    """Return the card of a model, with metadata in YAML and the metrics of its chosen split.

    Args:
        model: an evaluated model; a bundled one has its card and its metrics with it.
        repository: `OWNER/NAME`.
        license: an identifier such as `mit` or `cc-by-4.0`.

    Raises:
        UserError: it was not evaluated, or its data set is not here.
    """
    metadata = yaml.safe_dump(_metadata(model, license), sort_keys=False, allow_unicode=True)
    readme = model.path / "README.md"
    text = readme.read_text().rstrip() if model.bundled else model_card(model)
    load = _KERAS.format(repository=repository) if model.config().kind == "trained" else ""
    return f"---\n{metadata}---\n\n{text}\n{load}{_OPENVINO}"


def _metadata(model: Run, license: str) -> dict[str, Any]:
    config, metrics = model.config(), _metrics(model)
    trained = config.kind == "trained"
    named = {"license_name": "see-the-card", "license_link": "README.md"}
    values = {"accuracy": ("Accuracy", "accuracy"), "f1": ("Macro F1", "macro_f1")}
    values["roc_auc"] = "Macro AUC", "auc_macro"
    return {
        "license": license,
        **(named if license == LICENSE else {}),
        "library_name": "keras" if trained else "openvino",
        "pipeline_tag": "image-classification",
        "tags": ["facial-emotion-recognition", "openvino"],
        **({} if config.kind == "imported" else {"datasets": [config.dataset]}),
        "metrics": list(values),
        "model-index": [
            {
                "name": model.name,
                "results": [
                    {
                        "task": {
                            "type": "image-classification",
                            "name": "Facial emotion recognition",
                        },
                        "dataset": {
                            "name": metrics["dataset"],
                            "type": metrics["dataset"],
                            "split": metrics["split"],
                        },
                        "metrics": [
                            {"type": kind, "name": name, "value": metrics[key]}
                            for kind, (name, key) in values.items()
                            if metrics.get(key) is not None
                        ],
                    }
                ],
            }
        ],
    }


def _metrics(model: Run) -> dict[str, Any]:
    """Return the stored metrics on the split that the model was chosen on."""
    fingerprint = model.config().dataset_fingerprint
    for split in CHOOSING_SPLITS if fingerprint else ():
        try:
            metrics = from_json(
                (model.evaluation_path(fingerprint, split) / "metrics.json").read_text()
            )
            return {**metrics, "accuracy": float(metrics["accuracy"])}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    raise UserError(
        f"'{model.name}' has no metrics for its card: evaluate it on its data set first."
    )
