"""A short Python program that runs an exported model with nothing but its runtime and numpy."""

_TEMPLATE = '''\
"""Predict the emotions of faces with {runtime}: pip install numpy {package}."""

import json
import sys
from pathlib import Path

import numpy as np
{imports}

folder = Path(__file__).parent
labels = json.loads((folder / "{card}").read_text())["labels"]
# Gray faces of 48x48 pixels, 0 to 255. Your own, with Pillow:
# np.asarray(Image.open("face.png").convert("L").resize((48, 48)))
faces = np.load(sys.argv[1] if len(sys.argv) > 1 else folder / "faces.npy")
faces = faces.reshape(-1, 48, 48, 1).astype(np.float32)

{run}
for row in probabilities:
    print(", ".join(f"{{label}} {{p:.3f}}" for label, p in zip(labels, row)))
'''

_RUNTIMES = {
    "openvino": (
        "OpenVINO",
        "openvino",
        "import openvino as ov",
        """\
model = ov.Core().compile_model(folder / "{file}", "CPU", {{"INFERENCE_PRECISION_HINT": "f32"}})
probabilities = model(faces)["probabilities"]""",
    ),
    "litert": (
        "LiteRT",
        "ai-edge-litert",
        """\
try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:  # TensorFlow has it, too
    from tensorflow.lite.python.interpreter import Interpreter""",
        """\
model = Interpreter(str(folder / "{file}")).get_signature_runner()
probabilities = model(faces=faces)["probabilities"]""",
    ),
    "savedmodel": (
        "TensorFlow",
        "tensorflow",
        "import tensorflow as tf",
        """\
model = tf.saved_model.load(str(folder))
probabilities = model.serve(faces)["probabilities"].numpy()""",
    ),
    "onnx": (
        "ONNX Runtime",
        "onnxruntime",
        "import onnxruntime",
        """\
model = onnxruntime.InferenceSession(folder / "{file}", providers=["CPUExecutionProvider"])
(probabilities,) = model.run(["probabilities"], {{"faces": faces}})""",
    ),
}


def example_code(to: str, file: str, card: str) -> str:
    """Return the program.

    Args:
        to: the format, one of `EXPORTS`.
        file: name of the exported file beside it; empty for a SavedModel, which is its folder.
        card: name of the JSON beside it, which has the labels.
    """
    runtime, package, imports, run = _RUNTIMES[to]
    return _TEMPLATE.format(
        runtime=runtime, package=package, imports=imports, run=run.format(file=file), card=card
    )
