"""Vectors in the plane, near ones side by side: PCA to 50 dimensions, then t-SNE.

Source: van der Maaten & Hinton 2008, "Visualizing Data using t-SNE",
https://www.jmlr.org/papers/v9/vandermaaten08a.html.
"""

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

_COMPONENTS = 50
_PERPLEXITY = 30.0
_ITERATIONS = 1000
_SEED = 0


def embed(
    vectors: NDArray[np.float32], on_progress: Callable[[float], None] = lambda fraction: None
) -> NDArray[np.float32]:
    """Return a point of the plane for each vector, float32 (n, 2), the same at each call.

    It keeps to one thread: the sums of several depend on their number, and t-SNE's threads wait
    for each other so busily that beside other work they are slower than one.

    Args:
        vectors: float32 (n, d), n at least 4, not all of them the same.
        on_progress: called with the share of t-SNE's steps done, 0 to 1.
    """
    from sklearn.decomposition import PCA  # a second, for those who lay out only
    from sklearn.manifold import TSNE

    n, d = vectors.shape
    tsne = TSNE(
        perplexity=min(_PERPLEXITY, (n - 1) / 3),
        max_iter=_ITERATIONS,
        random_state=_SEED,
        verbose=2,
    )
    with threadpool_limits(1), redirect_stdout(_Steps(on_progress)):
        reduced = PCA(min(_COMPONENTS, n, d), random_state=_SEED).fit_transform(vectors)
        return np.asarray(tsne.fit_transform(reduced), np.float32)


class _Steps(io.StringIO):
    """Learns how far t-SNE is from what it prints: scikit-learn tells it in no other way."""

    def __init__(self, on_progress: Callable[[float], None]) -> None:
        super().__init__()
        self._on_progress = on_progress

    def write(self, text: str) -> int:
        step = re.search(r"Iteration (\d+)", text)
        if step:
            self._on_progress(min(1.0, int(step[1]) / _ITERATIONS))
        return len(text)
