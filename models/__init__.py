"""The architectures by name. Importing this loads no keras; `build()` does."""

from models.custom_cnn import CustomCNN
from models.resnet50v2 import ResNet50V2
from models.vgg16 import VGG16

Architecture = CustomCNN | VGG16 | ResNet50V2

ARCHITECTURES: dict[str, type[CustomCNN] | type[VGG16] | type[ResNet50V2]] = {
    "custom_cnn": CustomCNN,
    "vgg16": VGG16,
    "resnet50v2": ResNet50V2,
}
