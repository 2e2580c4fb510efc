"""A few things in memory: never more than allowed, never closed while lent, loaded once for all."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant.errors import EngineError
from assistant.models.pool import Pool


class Thing:
    """Knows its key and whether it is closed."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.closed = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class Maker:
    """Makes things and counts those that are open."""

    def __init__(self) -> None:
        self.made: list[Thing] = []

    def __call__(self, key: str) -> Thing:
        self.made.append(Thing(key))
        return self.made[-1]

    @property
    def open(self) -> list[str]:
        return [thing.key for thing in self.made if not thing.closed]


def a_pool(most: int = 2) -> tuple[Pool[str, Thing], Maker]:
    return Pool(most, Thing.close), Maker()


def use(pool: Pool[str, Thing], make: Maker, key: str) -> None:
    with pool.lend(key, lambda: make(key)) as thing:
        assert thing.key == key


def test_the_longest_unused_goes_when_another_is_wanted() -> None:
    pool, make = a_pool()
    for key in "abac":
        use(pool, make, key)
    assert make.open == ["a", "c"]
    assert [pool.holds(key) for key in "abc"] == [True, False, True]
    use(pool, make, "b")
    assert make.open == ["c", "b"]


def test_what_is_lent_is_never_given_up_and_another_waits_for_it() -> None:
    pool, make = a_pool(1)
    waiting = threading.Thread(target=use, args=(pool, make, "b"))
    with pool.lend("a", lambda: make("a")) as lent:
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
        assert (lent.closed, make.open) == (False, ["a"])
    waiting.join(20)
    assert lent.closed
    assert make.open == ["b"]


def test_who_waits_for_a_place_can_be_stopped() -> None:
    pool, make = a_pool(1)
    stop = threading.Event()
    stop.set()
    with pool.lend("a", lambda: make("a")) as lent:
        with pytest.raises(EngineError, match="Stopped"), pool.lend("b", lambda: make("b"), stop):
            pytest.fail("nobody gave a place up")
        assert not lent.closed
    assert make.open == ["a"]


def test_many_who_want_the_same_wait_for_one_loading() -> None:
    pool, make = a_pool(1)
    loading, go_on = threading.Event(), threading.Event()

    def slow() -> Thing:
        loading.set()
        assert go_on.wait(20)
        return make("a")

    def lent() -> Thing:
        with pool.lend("a", slow) as thing:
            return thing

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(lent)
        assert loading.wait(20)
        others = [threads.submit(lent) for _ in range(3)]
        assert not pool.holds("a")
        go_on.set()
        things = {first.result(20), *(other.result(20) for other in others)}
    assert things == set(make.made)
    assert len(make.made) == 1


def test_a_loading_that_fails_leaves_its_place_and_may_be_tried_again() -> None:
    pool, make = a_pool(1)

    def fails() -> Thing:
        raise EngineError("broken")

    for _ in range(2):
        with pytest.raises(EngineError, match="broken"), pool.lend("a", fails):
            pytest.fail("there is nothing to lend")
    use(pool, make, "a")
    assert make.open == ["a"]


def test_an_error_in_the_block_gives_the_thing_back() -> None:
    pool, make = a_pool(1)
    with pytest.raises(KeyError), pool.lend("a", lambda: make("a")):
        raise KeyError
    use(pool, make, "b")
    assert make.open == ["b"]


def test_what_is_dropped_goes_at_once_or_when_it_comes_back() -> None:
    pool, make = a_pool()
    use(pool, make, "a")
    with pool.lend("b", lambda: make("b")) as lent:
        pool.drop(lambda key: key in "ab")
        assert make.open == ["b"], "what is lent stays whole"
        assert not lent.closed and not pool.holds("b")
    assert make.open == []
    use(pool, make, "a")
    pool.drop(lambda key: key == "b")
    assert make.open == ["a"] and pool.holds("a")


def test_closing_frees_all_even_what_is_lent_or_still_loading_and_then_refuses() -> None:
    pool, make = a_pool()
    loading, go_on = threading.Event(), threading.Event()

    def slow() -> Thing:
        loading.set()
        assert go_on.wait(20)
        return make("b")

    def wants() -> None:
        with pytest.raises(EngineError, match="closing"), pool.lend("b", slow):
            pytest.fail("the pool is closed")

    with ThreadPoolExecutor(1) as threads, pool.lend("a", lambda: make("a")):
        late = threads.submit(wants)
        assert loading.wait(20)
        pool.close()
        pool.close()
        go_on.set()
        late.result(20)
    assert make.open == []
    with pytest.raises(EngineError, match="closing"), pool.lend("a", lambda: make("a")):
        pytest.fail("the pool is closed")


@pytest.mark.parametrize("most", [1, 2, 3])
def test_whatever_many_threads_want_no_more_are_open_and_none_is_closed_in_use(most: int) -> None:
    pool, make = a_pool(most)

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(40):
            key = rng.choice("abcde")
            with pool.lend(key, lambda key=key: make(key)) as thing:  # type: ignore[misc]
                assert thing.key == key
                assert len(make.open) <= most
                assert not thing.closed

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    assert len(make.open) <= most


def test_a_pool_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="most must be at least 1"):
        a_pool(0)
