import threading

from pipeline.vision.places import Places


class Holder:
    pass


def test_there_are_as_many_places_as_the_limit():
    places, holders = Places(2), [Holder() for _ in range(3)]
    assert [places.take(holder) for holder in holders] == [True, True, False]
    assert places.full


def test_a_holder_takes_one_place_however_often_it_asks():
    places, first, second = Places(2), Holder(), Holder()
    assert all(places.take(first) for _ in range(5))
    assert not places.full
    assert places.take(second)
    assert places.take(first), "a holder keeps its place when all are taken"


def test_equal_holders_are_two():
    places, first, second = Places(1), [], []
    assert places.take(first)
    assert not places.take(second)


def test_a_freed_place_is_free_for_another():
    places, first, second = Places(1), Holder(), Holder()
    places.take(first)
    places.free(first)
    assert not places.full
    assert places.take(second)
    assert not places.take(first)


def test_who_has_no_place_frees_none():
    places, first, second = Places(1), Holder(), Holder()
    places.take(first)
    places.free(second)
    assert places.full
    assert places.holds(first)
    assert not places.holds(second)


def test_many_threads_never_take_more_places_than_there_are():
    places, start = Places(3), threading.Barrier(12)
    inside: set[int] = set()
    crowds: list[int] = []

    def come_and_go() -> None:
        holder = Holder()
        start.wait()
        for _ in range(200):
            if places.take(holder):
                inside.add(id(holder))
                crowds.append(len(inside))
                inside.discard(id(holder))
                places.free(holder)

    threads = [threading.Thread(target=come_and_go) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= max(crowds) <= 3
    assert not places.full
