"""A few big things in memory, lent out: loaded when first wanted, the longest unused given up for another.

What is lent is never closed; who wants a place while everything is lent waits for one. Nothing in here knows
what it keeps.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from assistant.errors import EngineError

Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")
_LOOK_S = 0.1
_CLOSING = "The app is closing. Ask again once it has started."


@dataclass
class _Place(Generic[Thing]):
    """`thing` is None while it loads; `lent` counts who has it now; `dropped`: it ends with their last."""

    thing: Thing | None = None
    lent: int = 1
    dropped: bool = False


class Pool(Generic[Key, Thing]):
    """At most `most` things at a time. Safe to share between threads."""

    def __init__(self, most: int, close: Callable[[Thing], None]) -> None:
        if most < 1:
            raise ValueError(f"most must be at least 1; it is {most}.")
        self._most = most
        self._close = close
        self._changed = threading.Condition()
        self._places: OrderedDict[Key, _Place[Thing]] = OrderedDict()  # the longest unused first
        self._closed = False

    def holds(self, key: Key) -> bool:
        """Whether it is loaded."""
        with self._changed:
            place = self._places.get(key)
            return place is not None and place.thing is not None

    @contextmanager
    def lend(
        self, key: Key, load: Callable[[], Thing], stop: threading.Event | None = None
    ) -> Iterator[Thing]:
        """The thing, loaded by `load` if it isn't there; kept as long as the block runs.

        Raises:
            EngineError: the pool is closed, or `stop` was set while it waited; and whatever `load` raises.
        """
        place = self._claim(key, load, stop)
        assert place.thing is not None
        try:
            yield place.thing
        finally:
            with self._changed:
                place.lent -= 1
                last = place.dropped and not place.lent
                self._changed.notify_all()
            if last:
                self._close(place.thing)

    def drop(self, unwanted: Callable[[Key], bool]) -> None:
        """Give up what has such a key: at once, or when the last who has it now is done."""
        with self._changed:
            places = [self._places.pop(key) for key in [key for key in self._places if unwanted(key)]]
            for place in places:
                place.dropped = True
            things = [place.thing for place in places if place.thing is not None and not place.lent]
            self._changed.notify_all()
        for thing in things:
            self._close(thing)

    def close(self) -> None:
        """Close all, lent or not: the app ends. Lending raises from now on. Twice is harmless."""
        with self._changed:
            self._closed = True
            things = [place.thing for place in self._places.values() if place.thing is not None]
            self._places.clear()
            self._changed.notify_all()
        for thing in things:
            self._close(thing)

    def _claim(self, key: Key, load: Callable[[], Thing], stop: threading.Event | None) -> _Place[Thing]:
        """The key's place, counted as lent once more."""
        with self._changed:
            while not self._is_free(key):
                if stop is not None and stop.is_set():
                    raise EngineError("Stopped before the model was loaded.")
                self._changed.wait(_LOOK_S if stop is not None else None)
            known = self._places.get(key)
            if known is not None:
                known.lent += 1
                self._places.move_to_end(key)
                return known
            given_up = self._give_up()
            place = self._places[key] = _Place()
        if given_up is not None:
            self._close(given_up)
        self._fill(key, place, load)
        return place

    def _is_free(self, key: Key) -> bool:
        """Whether the key can be had now: it is loaded, or may be loaded by who asks."""
        if self._closed:
            raise EngineError(_CLOSING)
        place = self._places.get(key)
        if place is not None:
            return place.thing is not None
        return len(self._places) < self._most or any(not place.lent for place in self._places.values())

    def _give_up(self) -> Thing | None:
        """Take out the longest unused thing when there is no place left."""
        if len(self._places) < self._most:
            return None
        key = next(key for key, place in self._places.items() if not place.lent)
        return self._places.pop(key).thing

    def _fill(self, key: Key, place: _Place[Thing], load: Callable[[], Thing]) -> None:
        """Load into a place that was taken; if that fails, who waited for it may try for themselves."""
        try:
            thing = load()
        except BaseException:
            with self._changed:
                if self._places.get(key) is place:
                    del self._places[key]
                self._changed.notify_all()
            raise
        with self._changed:
            closed = self._closed
            place.thing = thing
            self._changed.notify_all()
        if closed:
            self._close(thing)
            raise EngineError(_CLOSING)
