"""What the tab does with an upload, whatever the chat says to it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from assistant import tab
from assistant.errors import BadInputError, UnreadableError
from assistant.session import ChatService


class Chat:
    """Answers with an error, or not."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def ask(self, user: str, text: str, file: Path, file_name: str) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "stays"), [(None, False), (BadInputError("no text"), False), (UnreadableError("busy"), True)]
)
def test_an_upload_goes_when_it_was_read_and_stays_when_it_could_not_be(
    tmp_path: Path, error: Exception | None, stays: bool
) -> None:
    path = tmp_path / "note.txt"
    path.write_text("words")
    try:
        tab._ask(cast(ChatService, Chat(error)), "ada", {"text": "", "files": [str(path)]})
    except BadInputError as caught:
        assert caught is error
    assert path.exists() is stays
