"""Exports of trained models, and the models bundled with the project."""
