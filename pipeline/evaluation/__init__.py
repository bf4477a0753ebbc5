"""How good a model is, from its stored probabilities."""
