"""Predictions of a model on a split, and the metrics computed from them."""
