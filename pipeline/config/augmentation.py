"""The fields of the augmentation."""

from typing import Annotated

from annotated_types import Unit
from pydantic import BaseModel, ConfigDict, Field


class Augmentation(BaseModel):
    """Largest amounts of the random changes to a training face; 0 switches one off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation: Annotated[float, Unit("degrees")] = Field(
        10.0, ge=0, le=180, description="the largest random turn, degrees to either side"
    )
    zoom: Annotated[float, Unit("share of the size")] = Field(
        0.1, ge=0, lt=1, description="the largest random change of size, as a share, in or out"
    )
    shift: Annotated[float, Unit("share of the size")] = Field(
        0.1, ge=0, lt=1, description="the largest random move along each axis, share of the side"
    )
    flip: bool = Field(True, description="mirror a random half of the faces, left to right")
    brightness: Annotated[float, Unit("share of 255")] = Field(
        0.0, ge=0, le=1, description="the largest random change of all gray levels, share of 255"
    )
    contrast: Annotated[float, Unit("share")] = Field(
        0.0,
        ge=0,
        le=1,
        description="the largest random stretch of the gray levels about their mean, as a share",
    )
    erasing: Annotated[float, Unit("share of the area")] = Field(
        0.0,
        ge=0,
        le=0.5,
        description="a random rectangle that is blanked, largest share of the area",
    )
