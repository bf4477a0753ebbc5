"""The fields of the augmentation."""

from typing import Annotated

from annotated_types import Unit
from pydantic import BaseModel, ConfigDict, Field


class Augmentation(BaseModel):
    """Largest amounts of the random changes to a training face; 0 switches one off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation: Annotated[float, Unit("degrees")] = Field(
        10.0, ge=0, le=180, description="rotation, degrees to either side"
    )
    zoom: Annotated[float, Unit("share of the size")] = Field(
        0.1, ge=0, lt=1, description="zoom in or out, share of the size"
    )
    shift: Annotated[float, Unit("share of the size")] = Field(
        0.1, ge=0, lt=1, description="shift along each axis, share of the size"
    )
    flip: bool = Field(True, description="flip every second face horizontally")
    brightness: Annotated[float, Unit("share of 255")] = Field(
        0.0, ge=0, le=1, description="brightness change, share of 255"
    )
    contrast: Annotated[float, Unit("share")] = Field(
        0.0, ge=0, le=1, description="contrast change about the mean gray level, share"
    )
    erasing: Annotated[float, Unit("share of the area")] = Field(
        0.0, ge=0, le=0.5, description="erased rectangle, share of the area"
    )
