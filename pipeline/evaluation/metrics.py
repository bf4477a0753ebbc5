"""The figures that say how good a model is, computed from stored probabilities."""



