"""Speed of `Recognizer` beside Keras, and the accuracy that int8 costs.

Run: python benchmarks/inference.py [FER-2013 as CSV or TAR.GZ]     without one, only the speed

Claims:
- One face, 2 threads, an untrained ResNet50V2 at 224 px: at the CPU's default precision
  `Recognizer` is at least 2.5 times as fast as `tf.function` of the same Keras model and 6 times as
  fast as `model.predict`; in int8 at least 4 times as fast as `tf.function`.
- int8, calibrated on training faces, costs the bundled `custom_cnn` at most 0.5 points of accuracy
  on PublicTest.
Also printed: accuracy and time of the mean over a face and its mirror image.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from time import perf_counter, sleep

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import openvino as ov
import tensorflow as tf
from support.claims import check
from support.commands import run_pipeline

from pipeline.config.train_config import TrainConfig
from pipeline.data.store import load_dataset
from pipeline.evaluation.model_cost import THREADS
from pipeline.registry.openvino_export import export_int8, export_openvino
from pipeline.runs import Run, create_run, find_model
from pipeline.vision.recognizer import Precision, Recognizer
from pipeline.workspace import runs_folder

ROUNDS = 15
FACES = 10  # timed in a turn
WARM_UP = 3  # faces before them
PAUSE_S = 0.2  # before a turn, in which the threads of the turn before go to sleep
CLAIMS: list[tuple[Precision, str, float]] = [
    ("default", "tf.function", 2.5),
    ("int8", "tf.function", 4.0),
    ("default", "model.predict", 6.0),
]
MAX_LOSS = 0.5
BATCH = 64

Recognize = Callable[[np.ndarray], object]


def main() -> None:
    """Print the measurements; exit 1 if a claim does not hold."""
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["EMOTION_WORKSPACE"] = workspace
        holds = measure_speed()
        if len(sys.argv) > 1:
            holds.append(measure_accuracy(sys.argv[1]))
    sys.exit(int(not all(holds)))


def measure_speed() -> list[bool]:
    """Recognize single faces in four ways."""
    run_pipeline("import", "sample", "--name", "sample")
    config = TrainConfig(
        dataset="sample", architecture="resnet50v2", model={"weights": "none", "input_size": 224}
    )
    run = create_run(config, load_dataset("sample").fingerprint)
    model = config.model.build()
    model.save(run.weights_path)
    export_openvino(run)
    export_int8(run)

    call = tf.function(lambda faces: model(faces, training=False))
    ms = alternate(
        {
            "model.predict": lambda face: model.predict(as_input(face), verbose=0),
            "tf.function": lambda face: call(as_input(face)).numpy(),
            "default": Recognizer.load(run, "default", THREADS).predict,
            "int8": Recognizer.load(run, "int8", THREADS).predict,
        }
    )
    processor = ov.Core().get_property("CPU", "FULL_DEVICE_NAME").strip()
    default = ov.Core().get_property("CPU", "INFERENCE_PRECISION_HINT").to_string()
    print(f"ResNet50V2 at 224 px, one face, {THREADS} threads, {processor}, default is {default}")
    medians = ", ".join(f"{way} {np.median(ms[way]):.1f} ms" for way in ms)
    print(f"{ROUNDS} rounds, alternating, medians: {medians}")
    holds = []
    for precision, other, least in CLAIMS:
        ratios = ms[other] / ms[precision]
        ratio = float(np.median(ratios))
        measured = f"{ratio:.2f} times as fast ({ratios.min():.2f} to {ratios.max():.2f})"
        holds.append(
            check(f"{precision} beside {other}: {measured}", ratio >= least, f"at least {least}")
        )
    return holds


def as_input(face: np.ndarray) -> np.ndarray:
    """Return a gray face as Keras takes it."""
    return face[..., np.newaxis].astype(np.float32)


def alternate(ways: Mapping[str, Recognize]) -> dict[str, np.ndarray]:
    """Recognize single faces in each way in turn, in rounds of alternating order.

    Returns:
        way → float (rounds,), the median time of a face of each round in milliseconds.
    """
    faces = np.random.default_rng(0).integers(0, 256, (FACES, 1, 48, 48), dtype=np.uint8)
    ms: dict[str, list[float]] = {way: [] for way in ways}
    for index in range(ROUNDS + 1):
        for way in list(ways)[:: 1 if index % 2 else -1]:
            sleep(PAUSE_S)
            for face in faces[:WARM_UP]:
                ways[way](face)
            ms[way].append(float(np.median([ms_of(ways[way], face) for face in faces])))
    return {way: np.array(taken[1:]) for way, taken in ms.items()}  # the first one warms up


def ms_of(recognize: Recognize, face: np.ndarray) -> float:
    """Time one face."""
    start = perf_counter()
    recognize(face)
    return 1000 * (perf_counter() - start)


def measure_accuracy(source: str) -> bool:
    """Evaluate the bundled model in float32, in int8, and on two views."""
    run_pipeline("import", source, "--name", "fer2013")
    run = Run(runs_folder() / "copied")
    shutil.copytree(find_model("custom_cnn").path, run.path)
    export_int8(run)

    dataset = load_dataset("fer2013")
    faces = dataset.indices("public_test")
    exact, quantized, averaged = (
        predicted_emotions(recognizer, dataset.images[faces])
        for recognizer in (
            Recognizer.load(run),
            Recognizer.load(run, "int8"),
            Recognizer.load(run, two_views=True),
        )
    )
    before, after, with_mirrored = (
        100 * np.mean(predicted == dataset.labels[faces])
        for predicted in (exact, quantized, averaged)
    )
    ms = alternate(
        {
            "one view": Recognizer.load(run, "default", THREADS).predict,
            "two views": Recognizer.load(run, "default", THREADS, two_views=True).predict,
        }
    )
    cost = np.median(ms["two views"] / ms["one view"])
    print(
        f"two views of custom_cnn: {before:.2f}% to {with_mirrored:.2f}%, {cost:.2f} times the time"
    )
    return check(
        f"int8 of custom_cnn on PublicTest: {before:.2f}% to {after:.2f}%, the same emotion for "
        f"{np.mean(exact == quantized):.1%} of {len(faces):,} faces",
        before - after <= MAX_LOSS,
        f"at most {MAX_LOSS} points lost",
    )


def predicted_emotions(recognizer: Recognizer, faces: np.ndarray) -> np.ndarray:
    """Return each face's most probable emotion, int (n,)."""
    batches = [faces[start : start + BATCH] for start in range(0, len(faces), BATCH)]
    return np.concatenate([recognizer.predict(batch) for batch in batches]).argmax(axis=1)


if __name__ == "__main__":
    main()
