"""From photos and videos to faces with predicted emotions. Loads no keras."""
