"""Data sets of labeled faces: reading, storing, auditing, excluding."""
