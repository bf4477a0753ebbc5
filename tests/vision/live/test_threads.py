import threading
from dataclasses import replace

import av

from pipeline.vision.snapshot import Snapshot
from tests.vision.conftest import FAST, plain, until, workers


def test_many_threads_may_call_it_at_once(processor):
    failures: list[Exception] = []

    def call(number: int) -> None:
        try:
            for i in range(30):
                processor.recv(av.VideoFrame.from_ndarray(plain(), format="bgr24"))
                processor.snapshot()
                processor.picture()
                processor.configure(replace(FAST, bars=bool(i % 2), smallest_face=60 + number))
                processor.timeline.recent()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert processor.snapshot().problem is None
    assert len(workers()) == 1


def test_no_thread_is_left_by_stops_among_frames(processor):
    def call() -> None:
        for _ in range(20):
            processor.process(plain())
            processor.stop()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    processor.stop()
    assert until(lambda: not workers())
    assert processor.snapshot() == Snapshot()
