"""The teacher of a training: any model, whose probabilities are computed by OpenVINO."""

from pipeline.config.train_config import TrainConfig
from pipeline.training.run_setup import find_teacher
from pipeline.training.targets import Teacher
from pipeline.vision.recognizer import Recognizer


def load_teacher(config: TrainConfig) -> Teacher | None:
    """Return the function that predicts faces as the configured teacher does; None without one.

    It computes in float32, so that a resumed training learns from the same probabilities.

    Raises:
        UserError: there is no such model, or it is damaged.
    """
    model = find_teacher(config)
    return Recognizer.load(model, "f32").predict if model else None
