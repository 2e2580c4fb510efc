"""What the rooms hold of a person, put together for the door: how it is removed when the account is deleted.

Accounts know none of the rooms; app.py hands this to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.errors import AssistantError
from security.accounts.erasure import Clearing
from security.accounts.errors import ClearingError
from training.errors import TrainingError

if TYPE_CHECKING:
    from assistant.models.serving import Models
    from assistant.session import ChatService
    from training.studio.service import Studio


@dataclass(frozen=True)
class Rooms:
    """The rooms that keep something of a person. `forget_uploads` is the door's."""

    chat: ChatService
    models: Models
    studio: Studio
    forget_uploads: Callable[[str], None]


def clearings(rooms: Rooms) -> list[Clearing]:
    """What is outside the database, in the order in which it goes: who might still write comes first."""
    return [
        Clearing(
            "the conversation in memory, and the answer that was under way", _raising(rooms.chat.forget)
        ),
        Clearing("uploads that nothing had read yet", rooms.forget_uploads),
        Clearing(
            "jobs, data sets, tokenizers, runs, models and federations of the studio",
            _raising(lambda user: _forget_studio(rooms, user)),
        ),
    ]


def _forget_studio(rooms: Rooms, user: str) -> None:
    rooms.models.forget(rooms.studio.places(user).root)
    rooms.studio.forget(user)


def _raising(clear: Callable[[str], None]) -> Callable[[str], None]:
    """With the rooms' own errors as the one that accounts know."""

    def clear_it(user: str) -> None:
        try:
            clear(user)
        except (AssistantError, TrainingError) as error:
            raise ClearingError(str(error)) from error

    return clear_it
