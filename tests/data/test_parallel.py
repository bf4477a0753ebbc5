import os
import threading
import time

import cv2
import pytest

from pipeline.data.parallel import map_in_order


def test_results_come_in_the_order_of_the_items():
    def slow_if_even(item: int) -> int:
        time.sleep(0.005 * (item % 2 == 0))
        return item * item

    assert list(map_in_order(slow_if_even, range(30))) == [item * item for item in range(30)]
    assert list(map_in_order(slow_if_even, [])) == []


def test_items_are_taken_only_a_little_ahead_of_the_results():
    taken = []

    def items():
        for item in range(1000):
            taken.append(item)
            yield item

    results = map_in_order(str, items())
    for number, _ in zip(range(1, 20), results, strict=False):
        assert len(taken) <= number + 4 * (os.cpu_count() or 1)
    results.close()
    assert len(taken) < 1000


def test_an_error_is_raised_in_place_of_its_result_and_leaves_nothing_behind():
    threads, opencv = threading.active_count(), cv2.getNumThreads()
    results = map_in_order(lambda item: 1 // item, [1, 1, 0, 1])
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert threading.active_count() == threads and cv2.getNumThreads() == opencv
