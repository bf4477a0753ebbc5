"""The queue of runs, the worker that trains them, and experiments."""
