"""Work on many images in as many threads as there are cores."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import cv2

_AHEAD = 4  # per core

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield a function's results in the order of the items.

    The items are taken four per core ahead of the results, so that memory does not grow with
    their number. OpenCV, whose functions run in parallel here, uses one thread for each.

    Args:
        function: is called in several threads; what it raises is raised in place of its result.
        items: are iterated in the caller's thread.
    """
    cores = os.cpu_count() or 1
    opencv_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) == _AHEAD * cores:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
            cv2.setNumThreads(opencv_threads)
