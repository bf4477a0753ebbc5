"""What the two networks of keras.applications share: weights, input size, two-phase training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Unit
from pydantic import BaseModel, ConfigDict, Field

from models.layers import classifier, colour_at, grey_input

if TYPE_CHECKING:
    from keras import KerasTensor, Model


class WeightsError(RuntimeError):
    """The backbone's weights cannot be had; the text says why and names the ways out."""


class Backbone(BaseModel):
    """The fields of a network that may start from trained weights.

    From trained weights, a first phase trains the new head alone and a second one the upper part
    of the backbone too, its batch normalisation frozen and so in inference mode in both
    (https://keras.io/guides/transfer_learning/); at a share of 1 it is all trained, batch
    normalisation too. From none, all of it is trained in one phase.
    A weights file is what keras.applications takes, or a whole model of this architecture
    (`.keras`, or a shipped model's `model.weights.h5`), whose head is taken too; none depends on
    the input's size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str = Field(
        "imagenet",
        description="'imagenet', 'none', a weights file, or a model of this architecture",
    )
    input_size: Annotated[int, Unit("pixels")] = Field(
        96, ge=32, le=224, description="side of the network's input, pixels"
    )
    trainable_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="share of the backbone's layers that phase two trains; 1 = all, batch "
        "normalisation too",
    )
    head_epochs: int = Field(3, ge=0, le=1000, description="epochs of phase one, the head alone")
    head_learning_rate: float = Field(1e-3, gt=0, le=10, description="learning rate of phase one")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of features dropped at the end")

    @property
    def from_scratch(self) -> bool:
        """Whether the backbone starts from random weights."""
        return self.weights == "none"

    def _assemble(
        self, application: Callable[..., Model], prepare: Callable[[KerasTensor], KerasTensor]
    ) -> Model:
        """Put the backbone, in its own preprocessing, between our input and our classifier."""
        inputs = grey_input()
        file = Path(self.weights)
        whole = file.suffix == ".keras" or file.name == "model.weights.h5"
        backbone = _load(application, "none" if whole else self.weights, self.input_size)
        features = backbone(prepare(colour_at(inputs, self.input_size)))
        model = classifier(inputs, features, self.dropout)
        if whole:
            _copy_weights(file, model)
        return model

    def set_phase(self, model: Model, *, head_only: bool) -> None:
        """Freeze what this phase does not train; compile the model afterwards.

        Args:
            model: what `build` gave.
            head_only: phase one if true, else phase two.
        """
        import keras

        if self.from_scratch:
            return
        backbone = model.get_layer("backbone")
        first = round(len(backbone.layers) * (1 - self.trainable_share))
        partly = self.trainable_share < 1
        for number, layer in enumerate(backbone.layers):
            # Calling the backbone with training=False would not last: fit's True goes before it.
            normalizes = isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = not (head_only or number < first or (normalizes and partly))


def _load(application: Callable[..., Model], weights: str, size: int) -> Model:
    options: dict[str, Any] = {"include_top": False, "input_shape": (size, size, 3)}
    options["name"] = "backbone"
    if weights == "none":
        return application(weights=None, **options)
    if weights == "imagenet":
        try:
            return application(weights="imagenet", **options)
        except Exception as error:
            raise WeightsError(
                "The ImageNet weights could not be downloaded: give a weights file with "
                "--weights FILE, or train from scratch with --weights none."
            ) from error
    with _fitting(Path(weights)):
        return application(weights=weights, **options)


def _copy_weights(path: Path, model: Model) -> None:
    """Take all weights, the head's too, from a whole model, whose input may have another size."""
    import keras

    with _fitting(path):
        if path.suffix == ".keras":
            model.set_weights(keras.models.load_model(path, compile=False).get_weights())
        else:
            model.load_weights(path)


@contextmanager
def _fitting(path: Path) -> Iterator[None]:
    if not path.is_file():
        raise WeightsError(
            f"There is no weights file '{path}'. Choose from: imagenet, none, or a file."
        )
    try:
        yield
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"The weights file '{path}' does not fit ({reason}).") from error
