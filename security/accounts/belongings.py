"""Whose is it: page sessions, events and files, remembered by the user who first had them.

In memory, bounded for each user, forgotten after a while; safe from threads. Does not: survive a restart,
after which the pages begin anew and nobody may read the files of before (OWASP ASVS 5.0, 8.2.2: access to
a particular object is checked against its owner).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

# Longer than any session may last (settings.ABSOLUTE_HOURS): nobody's page loses its name while in use.
LIFE_S = 8 * 24 * 3600
MOST = 4096


class Belongings:
    """Things known by a name. A name that one user claims is that user's alone; files may be several's."""

    def __init__(self, now: Callable[[], float], life_s: float = LIFE_S, most: int = MOST) -> None:
        self._now = now
        self._life = life_s
        self._most = most
        self._lock = threading.Lock()
        self._owners: dict[str, str] = {}
        self._seen: dict[str, OrderedDict[str, float]] = {}
        self._shared: dict[str, OrderedDict[str, float]] = {}

    def claim(self, user: str, name: str) -> bool:
        """Whether `name` is the user's; who names it first has it from then on.

        False too when the user has as many as one may have: dropping an old one would let others take it.
        """
        now = self._now()
        with self._lock:
            seen = self._seen.setdefault(user, OrderedDict())
            self._forget(user, now)
            owner = self._owners.get(name)
            if owner is not None and owner != user:
                self._forget(owner, now)
                owner = self._owners.get(name)
            if owner not in (None, user) or (owner is None and len(seen) >= self._most):
                return False
            self._owners[name] = user
            seen[name] = now
            seen.move_to_end(name)
            return True

    def holds(self, user: str, name: str) -> bool:
        """Whether `name` was claimed by this user; claims nothing."""
        with self._lock:
            self._forget(user, self._now())
            return self._owners.get(name) == user

    def give(self, user: str, name: str) -> None:
        """Let the user have `name` too, whoever has it already. The oldest goes when there are too many."""
        with self._lock:
            mine = self._shared.setdefault(user, OrderedDict())
            mine[name] = self._now()
            mine.move_to_end(name)
            while len(mine) > self._most:
                mine.popitem(last=False)

    def has(self, user: str, name: str) -> bool:
        """Whether `name` was given to the user, not too long ago."""
        with self._lock:
            mine = self._shared.get(user)
            given = None if mine is None else mine.get(name)
            return given is not None and self._now() - given < self._life

    def given(self, user: str) -> list[str]:
        """What was given to the user and to nobody else."""
        with self._lock:
            others = [names for one, names in self._shared.items() if one != user]
            return [name for name in self._shared.get(user, ()) if not any(name in names for names in others)]

    def take_back(self, user: str) -> None:
        """The user has none of what was given any more."""
        with self._lock:
            self._shared.pop(user, None)

    def forget(self, user: str) -> None:
        """Remember nothing of a user who is gone: nobody else was told of what was theirs."""
        with self._lock:
            self._shared.pop(user, None)
            for name in self._seen.pop(user, ()):
                del self._owners[name]

    def _forget(self, user: str, now: float) -> None:
        """Drop what this user has not used for `life_s`; the oldest come first."""
        seen = self._seen.get(user, OrderedDict())
        while seen:
            name, at = next(iter(seen.items()))
            if now - at < self._life:
                break
            del seen[name]
            del self._owners[name]
