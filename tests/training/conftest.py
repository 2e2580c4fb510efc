"""Tiny models with random weights, and their tokenizers, in folders; made once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training import tiny


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_gpt(tmp_path_factory.mktemp("gpt"))


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_t5(tmp_path_factory.mktemp("t5"))
