"""One real encoder for all tests here: loading it takes seconds."""

from __future__ import annotations

import pytest

from assistant.knowledge.encoder import SentenceEncoder


@pytest.fixture(scope="session")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()
