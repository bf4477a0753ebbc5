"""Faces: what a data set is, how one comes in, where it is kept."""
