"""The architectures by name. Importing this loads no keras; their `build()` does."""

from typing import TYPE_CHECKING, Literal

from models.custom_cnn import CustomCNN
from models.dlib_resnet import DlibResNet
from models.layers import Architecture
from models.resnet50v2 import ResNet50V2
from models.vgg16 import VGG16

ARCHITECTURES: dict[str, type[Architecture]] = {
    "custom_cnn": CustomCNN,
    "vgg16": VGG16,
    "resnet50v2": ResNet50V2,
    "dlib_resnet": DlibResNet,
}

if TYPE_CHECKING:
    ArchitectureName = str
else:
    ArchitectureName = Literal[tuple(ARCHITECTURES)]
