"""The chat as a service: whose conversation, what is running, and a page to show at any moment.

An answer runs in a thread of its own and belongs to the conversation, not to the browser: a reload, a
second window or a closed lid only follows it anew. No Gradio in here.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, runtime_checkable

from assistant.documents import plain, read_note
from assistant.errors import AssistantError, BadInputError
from assistant.examples import EXAMPLES, SAMPLE_NAME, welcome
from assistant.page.turns import Turn, html
from assistant.pipeline import Assistant, Question
from assistant.types import Message

FRAME_S = 0.08
HISTORY_TURNS = 6
WARMING_UP = "The model is warming up…"
INTERRUPTED = "This answer was interrupted. Press Retry to ask again."


Opened: TypeAlias = Callable[[str, Path], AbstractContextManager[BinaryIO]]


class Ready(Protocol):
    """Something that becomes an Assistant."""

    @property
    def progress(self) -> str:
        """What is being loaded now, for people; empty when ready."""

    def get(self) -> Assistant:
        """The assistant; waits for it. Raises AssistantError if it can't be loaded."""


@runtime_checkable
class Serves(Protocol):
    """Something that has an Assistant for each user."""

    def progress_for(self, user: str) -> str:
        """What the user waits for before an answer can begin, for people; empty when nothing."""

    def assistant_for(
        self, user: str, stop: threading.Event | None = None
    ) -> AbstractContextManager[Assistant]:
        """The user's assistant, whole as long as the block runs; waits for it, at most until `stop` is set.

        Raises AssistantError if it can't be loaded.
        """


class OneForAll:
    """The same assistant for every user."""

    def __init__(self, assistant: Ready) -> None:
        self._assistant = assistant

    def progress_for(self, user: str) -> str:
        """What everybody waits for; empty when nothing."""
        del user
        return WARMING_UP if self._assistant.progress else ""

    @contextmanager
    def assistant_for(self, user: str, stop: threading.Event | None = None) -> Iterator[Assistant]:
        """The one assistant. Raises AssistantError if it can't be loaded."""
        del user, stop
        yield self._assistant.get()


class Keeps(Protocol):
    """What the service needs of a store."""

    def save(self, user: str, turns: Sequence[Turn]) -> None:
        """Replace what is kept."""

    def load(self, user: str) -> tuple[Turn, ...]:
        """What is kept, oldest first."""

    def delete(self, user: str) -> None:
        """Forget everything of a user."""


@dataclass
class _Conversation:
    """A user's turns in memory. `changed` guards everything and tells followers of news."""

    turns: list[Turn]
    changed: threading.Condition = field(default_factory=threading.Condition)
    version: int = 0
    stop: threading.Event | None = None
    drawn: dict[str, tuple[Turn, str]] = field(default_factory=dict)
    notice: str = ""

    @property
    def running(self) -> bool:
        """Whether an answer is under way."""
        return self.stop is not None

    def end(self) -> None:
        """Stop the answer, let who follows it leave, and keep nothing."""
        with self.changed:
            if self.stop is not None:
                self.stop.set()
            self.stop = None
            self.turns.clear()
            self.drawn.clear()
            self.version += 1
            self.changed.notify_all()


class ChatService:
    """One for the whole app; every method names the user it acts for."""

    def __init__(
        self,
        assistant: Ready | Serves,
        store: Keeps,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
        pause: Callable[[float], None] = time.sleep,
        opened: Opened = lambda _, path: plain(path),
    ) -> None:
        """`opened` opens a file for the user who gave it."""
        self._assistants = assistant if isinstance(assistant, Serves) else OneForAll(assistant)
        self._store = store
        self._new_id = new_id
        self._pause = pause
        self._opened = opened
        self._lock = threading.Lock()
        self._open: dict[str, _Conversation] = {}

    def page(self, user: str) -> dict[str, Any]:
        """What the thread shows now, as the page's script takes it."""
        conversation = self._of(user)
        with conversation.changed:
            return self._page(conversation)

    def ask(self, user: str, text: str, file: Path | None = None, file_name: str = "") -> None:
        """Begin to answer. The file is read at once and need not stay.

        Raises:
            BadInputError: nothing was asked, it can't be read, or an answer is still under way.
        """
        note = ""
        if file is not None:
            note = read_note(file, file_name or None, lambda path: self._opened(user, path), exact=True)
        self._begin(user, Turn(self._new_id(), text.strip(), note, file_name))

    def example(self, user: str, index: int) -> None:
        """Ask one of the example questions, with the sample note where it needs one."""
        if not 0 <= index < len(EXAMPLES):
            raise BadInputError("There is no such example. Reload the page.")
        chosen = EXAMPLES[index]
        self._begin(
            user, Turn(self._new_id(), chosen.question, chosen.note, SAMPLE_NAME if chosen.note else "")
        )

    def retry(self, user: str, turn_id: str) -> None:
        """Answer a turn again; it and what came after it are replaced."""
        turn = self._cut(user, turn_id)
        self._begin(user, Turn(self._new_id(), turn.question, turn.note, turn.note_name))

    def edit(self, user: str, turn_id: str) -> str:
        """Take a turn, and what came after it, back; returns its words for the box."""
        turn = self._cut(user, turn_id)
        self._keep(user, self._of(user))
        return "\n\n".join(part for part in (turn.question, turn.note) if part)

    def stop(self, user: str) -> None:
        """End the answer under way, keeping what has been said. Harmless when none is."""
        conversation = self._of(user)
        with conversation.changed:
            if conversation.stop is not None:
                conversation.stop.set()

    def clear(self, user: str) -> None:
        """Forget the conversation, here and on disk. An answer under way ends unseen; nobody waits for it."""
        old = self._of(user)
        with self._lock:
            self._open[user] = _Conversation([])
        old.end()
        self._store.delete(user)

    def forget(self, user: str) -> None:
        """Forget a user who is gone: as `clear`, and nothing stays in memory."""
        with self._lock:
            old = self._open.pop(user, None)
        if old is not None:
            old.end()
        self._store.delete(user)

    def follow(self, user: str) -> Iterator[dict[str, Any]]:
        """The page whenever it changes, until no answer is under way; at least once."""
        conversation = self._of(user)
        seen = -1
        while True:
            with conversation.changed:
                if conversation.version == seen and conversation.running:
                    conversation.changed.wait(timeout=1.0)
                news = conversation.version != seen
                seen, running = conversation.version, conversation.running
                page = self._page(conversation) if news else None
            if page is not None:
                yield page
            if not running:
                return
            self._pause(FRAME_S)

    def _of(self, user: str) -> _Conversation:
        with self._lock:
            if user not in self._open:
                notice = ""
                kept: list[Turn] = []
                try:
                    kept = [
                        turn if turn.finished else turn.failed(INTERRUPTED) for turn in self._store.load(user)
                    ]
                except AssistantError as error:
                    # It can still be cleared; until a new answer is kept, what is on disk stays as it is.
                    notice = str(error)
                self._open[user] = _Conversation(kept, notice=notice)
            return self._open[user]

    def _page(self, conversation: _Conversation) -> dict[str, Any]:
        turns = []
        for turn in conversation.turns:
            known = conversation.drawn.get(turn.id)
            if known is None or known[0] is not turn:
                known = (turn, html(turn))
                conversation.drawn[turn.id] = known
            turns.append({"id": turn.id, "html": known[1], "finished": turn.finished})
        return {
            "turns": turns,
            "empty": welcome(),
            "busy": conversation.running,
            "notice": conversation.notice,
        }

    def _cut(self, user: str, turn_id: str) -> Turn:
        conversation = self._of(user)
        with conversation.changed:
            if conversation.running:
                raise BadInputError("An answer is under way. Press Stop first.")
            at = next((n for n, turn in enumerate(conversation.turns) if turn.id == turn_id), None)
            if at is None:
                raise BadInputError("That question is no longer here. Reload the page.")
            turn = conversation.turns[at]
            del conversation.turns[at:]
            conversation.version += 1
            return turn

    def _begin(self, user: str, turn: Turn) -> None:
        conversation = self._of(user)
        with conversation.changed:
            if conversation.running:
                raise BadInputError("An answer is under way. Press Stop first.")
            question = Question(turn.question, turn.note, _history(conversation.turns))
            stop = threading.Event()
            conversation.stop = stop
            conversation.turns.append(turn)
            conversation.version += 1
            conversation.changed.notify_all()
        threading.Thread(
            target=self._run, args=(user, conversation, turn, question, stop), name="answer", daemon=True
        ).start()

    def _run(
        self, user: str, conversation: _Conversation, turn: Turn, question: Question, stop: threading.Event
    ) -> None:
        try:
            self._try_to_keep(user, conversation)
            progress = self._assistants.progress_for(user)
            if progress:
                turn = self._replace(conversation, turn, replace(turn, status=progress))
            with self._assistants.assistant_for(user, stop) as assistant:
                for event in assistant.answer(question, stop):
                    turn = self._replace(conversation, turn, turn.after(event))
        except AssistantError as error:
            turn = self._replace(conversation, turn, turn.failed(str(error)))
        finally:
            if not turn.finished:
                # Something nobody foresaw: threading's hook prints it, the page says so, the app goes on.
                self._replace(
                    conversation,
                    turn,
                    turn.failed("Something went wrong here. Press Retry; if it stays, see the log."),
                )
            self._try_to_keep(user, conversation)
            with conversation.changed:
                conversation.stop = None
                conversation.version += 1
                conversation.changed.notify_all()

    def _try_to_keep(self, user: str, conversation: _Conversation) -> None:
        """An answer is worth more than its copy on disk: if it can't be kept, that is shown and no more."""
        try:
            self._keep(user, conversation)
        except AssistantError as error:
            notice = str(error)
        else:
            notice = ""
        with conversation.changed:
            conversation.notice = notice

    def _replace(self, conversation: _Conversation, old: Turn, new: Turn) -> Turn:
        with conversation.changed:
            for at, turn in enumerate(conversation.turns):
                if turn.id == old.id:
                    conversation.turns[at] = new
            conversation.version += 1
            conversation.changed.notify_all()
        return new

    def _keep(self, user: str, conversation: _Conversation) -> None:
        """Nothing, where the conversation was cleared meanwhile or its user is gone."""
        with self._lock:
            if self._open.get(user) is not conversation:
                return
        with conversation.changed:
            turns = tuple(conversation.turns)
        if turns:
            self._store.save(user, turns)
        else:
            self._store.delete(user)


def _history(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """The last exchanges as the model sees them; a note is told of in its own turn only."""
    messages: list[Message] = []
    for turn in turns[-HISTORY_TURNS:]:
        if turn.done is not None and turn.done.answer and turn.done.model != "rules":
            messages += [
                Message("user", turn.question or turn.note[:400]),
                Message("assistant", turn.done.answer),
            ]
    return tuple(messages)
