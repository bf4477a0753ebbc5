"""What the two networks of keras.applications share: weights, input size, two-phase training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from models.layers import classifier, colour_at, grey_input

if TYPE_CHECKING:
    from keras import KerasTensor, Model


class WeightsError(RuntimeError):
    """The backbone's weights cannot be had; the text says why and names the ways out."""


class Backbone(BaseModel):
    """The fields of a network that may start from trained weights.

    From trained weights, a first phase trains the new head alone and a second one the upper part
    of the backbone too, its batch normalisation in inference mode in both
    (https://keras.io/guides/transfer_learning/). From none, all of it is trained in one phase.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str = Field("imagenet", description="'imagenet', 'none' or a weights file")
    input_size: int = Field(96, ge=32, le=224, description="side of the network's input, pixels")
    trainable_share: float = Field(
        0.5, gt=0, le=1, description="share of the backbone's layers that phase two trains"
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
        backbone = _load(application, self.weights, self.input_size)
        colour = prepare(colour_at(inputs, self.input_size))
        features = backbone(colour) if self.from_scratch else backbone(colour, training=False)
        return classifier(inputs, features, self.dropout)

    def set_phase(self, model: Model, *, head_only: bool) -> None:
        """Freeze what this phase does not train; compile the model afterwards.

        Args:
            model: what `build` gave.
            head_only: phase one if true, else phase two.
        """
        backbone = next(layer for layer in model.layers if hasattr(layer, "layers"))
        if self.from_scratch:
            return
        backbone.trainable = not head_only
        first = round(len(backbone.layers) * (1 - self.trainable_share))
        for layer in backbone.layers[:first] if not head_only else ():
            layer.trainable = False


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
    if not Path(weights).is_file():
        raise WeightsError(
            f"There is no weights file '{weights}'. Choose from: imagenet, none, or a file."
        )
    try:
        return application(weights=weights, **options)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"The weights file '{weights}' does not fit ({reason}).") from error
