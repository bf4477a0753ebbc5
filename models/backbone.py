"""Base class of the networks that have pretrained weights: weights, input size, training phases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Unit
from pydantic import Field

from models.layers import Architecture, classifier, gray_input, resize_to_rgb

if TYPE_CHECKING:
    from keras import KerasTensor, Model


class WeightsError(RuntimeError):
    """The backbone's weights cannot be loaded; the message names the reason and the choices."""


class Backbone(Architecture):
    """The hyperparameters of a network that may start from pretrained weights.

    From pretrained weights there are two phases: the first trains the new head alone, the second
    the upper part of the backbone too, with its batch normalization frozen and so in inference mode
    (https://keras.io/guides/transfer_learning/). At a share of 1 the second phase trains all
    layers, batch normalization too. From random weights, one phase trains everything.

    A weights file is one of the backbone alone, or a whole model of this architecture (`.keras`, or
    a bundled model's `model.weights.h5`), whose head is loaded too. Neither depends on the input
    size.
    """

    named_weights: ClassVar[tuple[str, ...]] = ("imagenet", "none")
    """The values of `weights` that name neither a file nor a model."""

    weights: str = Field(
        "imagenet",
        description="'none', a weights file, a model of this architecture, or 'imagenet' where it "
        "has such weights",
    )
    input_size: Annotated[int, Unit("pixels")] = Field(
        96, ge=32, le=224, description="side of the network's input, pixels"
    )
    trainable_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="share of the backbone's layers that phase two trains; 1 = all, batch "
        "normalization too",
    )
    head_epochs: int = Field(3, ge=0, le=1000, description="epochs of phase one, the head alone")
    head_learning_rate: float = Field(
        1e-3,
        gt=0,
        le=10,
        description="size of the optimizer's steps while the head alone is trained",
    )
    dropout: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="share of the last layer's inputs that are randomly left out in training",
    )

    @property
    def from_scratch(self) -> bool:
        """Whether the backbone starts from random weights."""
        return self.weights == "none"

    def _build_on(
        self, application: Callable[..., Model], preprocess: Callable[[KerasTensor], KerasTensor]
    ) -> Model:
        """Build input, resizing, the application's preprocessing and backbone, and the head.

        Args:
            application: takes the arguments of a function of keras.applications.
            preprocess: maps RGB (n, size, size, 3), 0-255, to the application's input.

        Raises:
            WeightsError: the weights cannot be loaded.
        """
        file = Path(self.weights)
        if self.weights not in self.named_weights and not file.is_file():
            raise WeightsError(
                f"There is no weights file '{file}'. Choose from: "
                f"{', '.join(self.named_weights)}, or a file."
            )
        inputs = gray_input()
        is_model = file.suffix == ".keras" or file.name == "model.weights.h5"
        weights = "none" if is_model else self.weights
        backbone = _load_backbone(application, weights, self.input_size)
        features = backbone(preprocess(resize_to_rgb(inputs, self.input_size)))
        model = classifier(inputs, features, self.dropout)
        if is_model:
            _load_whole_model(file, model)
        return model

    def set_phase(self, model: Model, *, head_only: bool) -> None:
        """Freeze what this phase does not train: phase one if `head_only`, else phase two."""
        import keras

        if self.from_scratch:
            return
        layers = model.get_layer("backbone").layers
        first_trained = round(len(layers) * (1 - self.trainable_share))
        for index, layer in enumerate(layers):
            # Frozen: `fit` passes training=True even through backbone(x, training=False).
            frozen_statistics = self.trainable_share < 1 and isinstance(
                layer, keras.layers.BatchNormalization
            )
            layer.trainable = not (head_only or index < first_trained or frozen_statistics)


def _load_backbone(application: Callable[..., Model], weights: str, size: int) -> Model:
    def load(weights: str | None) -> Model:
        return application(
            weights=weights, include_top=False, input_shape=(size, size, 3), name="backbone"
        )

    if weights == "none":
        return load(None)
    if weights == "imagenet":
        try:
            return load("imagenet")
        except Exception as error:
            raise WeightsError(
                "The ImageNet weights could not be downloaded: give a weights file as weights, or "
                "none to train from scratch."
            ) from error
    with _loading(Path(weights)):
        return load(weights)


def _load_whole_model(path: Path, model: Model) -> None:
    """Load all weights, the head's too, from a whole model, whose input may have another size."""
    import keras

    with _loading(path):
        if path.suffix == ".keras":
            model.set_weights(keras.models.load_model(path, compile=False).get_weights())
        else:
            model.load_weights(path)


@contextmanager
def _loading(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"The weights file '{path}' does not fit ({reason}).") from error
