"""A program that copies itself: five hospitals hour by hour, over their network and over a shared ledger.

An exercise, not a forecast: chances and hours are made up, round and in plain sight, so that a class can
argue about them. A copy that is stored does nothing; only a copy that is run does.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from security.lab import story

HOSPITALS = story.HOSPITALS
PEERS = (*HOSPITALS, "insurer", "university", "supplier")
FIRST = 1
"""Where somebody opened the letter: Northgate, whose signing key is stolen too."""
LINKS = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (1, 3))
HOURS = 48
LOCKS_AFTER, RESTORE, CUT, FORK = 6, 8, 24, 6
"""Hours: until records are locked, to set up a hospital anew, that links stay cut, to agree on a fork."""
BY_LEDGER, BY_LINK, BY_GATE, FOUND = 30, 15, 2, 50
"""Chances of 100 in an hour: to run what the ledger brings, to come over an open link or one with a gate
between, to be found once the team has met."""
ENOUGH = 4
"""Of five: what outvotes one liar, and how many hospitals must work in the end."""

CODE = ("anything on the ledger runs", "signed code only", "four of five sign")
NETWORK = ("flat", "segmented")
BACKUPS = ("online", "offline")
MEETS = ("never", "hour 3", "hour 6", "hour 12", "hour 24")
LINKS_CHOICE = ("keep", "cut for a day")
KEYS = ("keep", "revoke")
LEDGER = ("keep", "fork, five agree", "fork, three agree")


@dataclass(frozen=True)
class Decisions:
    """What was prepared (code, network, backups), when the team meets, and what it decides then."""

    code: str = CODE[0]
    network: str = NETWORK[0]
    backups: str = BACKUPS[0]
    meets: str = MEETS[0]
    links: str = LINKS_CHOICE[0]
    keys: str = KEYS[0]
    ledger: str = LEDGER[0]

    @property
    def hour(self) -> int:
        """Of the meeting; after the end if there is none."""
        return HOURS + 1 if self.meets == "never" else int(self.meets.split()[1])


@dataclass(frozen=True)
class Hour:
    """How things stand at the end of an hour: copies that the followed ledger hands out, and each
    hospital's state, one of "works", "runs it" (unnoticed or not yet found), "locked" (its records too) or
    "sets up anew"."""

    hour: int
    copies: int
    states: tuple[str, ...]

    def count(self, state: str) -> int:
        """Hospitals in that state."""
        return self.states.count(state)


class _Course:
    """The state between two hours."""

    def __init__(self, decisions: Decisions) -> None:
        self.decisions = decisions
        self.copies = 1
        self.since: list[int | None] = [None] * len(HOSPITALS)  # when it began to run there
        self.back: list[int] = [0] * len(HOSPITALS)  # when setting up anew ends
        self.since[FIRST] = 0

    def hour(self, hour: int, rng: random.Random) -> None:
        """One hour; three draws a hospital, whatever comes of them, so that decisions compare."""
        met = hour >= self.decisions.hour
        revoked = met and self.decisions.keys == "revoke"
        running = [at for at, since in enumerate(self.since) if since is not None]
        opened = self._opens(running, revoked)
        cut = met and self.decisions.links == "cut for a day" and hour < self.decisions.hour + CUT
        by_link = BY_LINK if self.decisions.network == "flat" else BY_GATE
        for at in range(len(HOSPITALS)):
            ledger, link, found = (rng.randrange(100) for _ in range(3))
            near = sum(1 for one, other in LINKS if at in (one, other) and one + other - at in running)
            idle = self.since[at] is None and hour >= self.back[at]
            stored = (at - FIRST) % len(PEERS) < self.copies
            comes = (stored and opened and ledger < BY_LEDGER) or (not cut and link < near * by_link)
            if idle and comes:
                self.since[at] = hour
            elif met and found < FOUND and at in running:
                self._clean(at, hour)
        self.copies = 0 if self._forked(hour, revoked) else min(len(PEERS), 2 * self.copies)

    def _opens(self, running: list[int], revoked: bool) -> bool:
        """Whether peers run what lies on the ledger."""
        code = self.decisions.code
        if code == CODE[0]:
            return True
        if code == CODE[1]:
            return not revoked
        # A hospital that runs the program signs for it: a quorum is worth its honest members.
        return not revoked and len({FIRST, *running}) >= ENOUGH

    def _forked(self, hour: int, revoked: bool) -> bool:
        """Whether all follow one ledger without the record: without its key it can't be written again.
        In a fork of three the other peers go on handing it out."""
        agreed = self.decisions.ledger == LEDGER[1] and hour >= self.decisions.hour + FORK
        return self.copies == 0 or (agreed and revoked)

    def _clean(self, at: int, hour: int) -> None:
        since = self.since[at]
        assert since is not None
        if hour - since >= LOCKS_AFTER and self.decisions.backups == "online":
            return  # the backups were within reach, and are locked as well
        self.since[at], self.back[at] = None, hour + RESTORE

    def state(self, at: int, hour: int) -> str:
        """Of one hospital."""
        since = self.since[at]
        if since is not None:
            return "locked" if hour - since >= LOCKS_AFTER else "runs it"
        return "sets up anew" if hour < self.back[at] else "works"


def course(decisions: Decisions, rng: random.Random) -> list[Hour]:
    """Hours 0 to HOURS."""
    state = _Course(decisions)
    hours = []
    for hour in range(HOURS + 1):
        if hour:
            state.hour(hour, rng)
        hours.append(Hour(hour, state.copies, tuple(state.state(at, hour) for at in range(len(HOSPITALS)))))
    return hours


def working(decisions: Decisions, last: Hour) -> int:
    """Hospitals that work together in the end; of a ledger in two halves only the larger counts."""
    most = 3 if decisions.ledger == "fork, three agree" and decisions.meets != "never" else len(HOSPITALS)
    return min(most, last.count("works"))
