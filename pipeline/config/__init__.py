"""Configuration of a training, and the options and form fields derived from it."""
