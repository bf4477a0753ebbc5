"""Recognition of any number of photos or videos, in parts that are written whole or not at all."""
