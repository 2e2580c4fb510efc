"""Which engine answers: what the settings may say, and what they choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import BadInputError, EngineError
from assistant.generation import choose
from assistant.generation.choose import EMBEDDED_NAME, EngineSettings, build_engine
from assistant.generation.openvino_engine import OpenVinoEngine
from assistant.generation.transformers_engine import TransformersEngine


@pytest.mark.parametrize("kind", ["auto", "openvino", "transformers"])
def test_every_kind_is_accepted_with_the_embedded_weights(kind: str) -> None:
    assert EngineSettings.from_env({"ASKLEPION_ENGINE": kind}) == EngineSettings(kind)  # type: ignore[arg-type]


def test_an_unknown_engine_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match="auto, openvino, transformers; it is 'llama'"):
        EngineSettings.from_env({"ASKLEPION_ENGINE": "llama"})


def test_openvino_takes_no_folder_of_safetensors() -> None:
    with pytest.raises(BadInputError, match="GGUF"):
        EngineSettings("openvino", "somebody/some-model")
    assert EngineSettings("openvino", "/models/some.gguf").model == "/models/some.gguf"


@pytest.mark.parametrize("environ", [{}, {"ASKLEPION_ENGINE": "", "ASKLEPION_MODEL": ""}])
def test_what_is_not_said_is_left_to_the_house(environ: dict[str, str]) -> None:
    assert EngineSettings.from_env(environ) == EngineSettings("auto", "")


def test_engine_and_model_come_from_the_environment() -> None:
    environ = {"ASKLEPION_ENGINE": "transformers", "ASKLEPION_MODEL": "/models/tuned"}
    assert EngineSettings.from_env(environ) == EngineSettings("transformers", "/models/tuned")


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"gone\.gguf"):
        build_engine(EngineSettings("openvino", str(tmp_path / "gone.gguf")))
    with pytest.raises(EngineError, match="gone"):
        build_engine(EngineSettings("auto", str(tmp_path / "gone")))


@pytest.mark.model
def test_without_a_gpu_openvino_answers_from_the_embedded_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "_has_cuda", lambda: False)
    engine = build_engine()
    engine.close()
    assert isinstance(engine, OpenVinoEngine)
    assert (engine.name, engine.device) == (EMBEDDED_NAME, "CPU (OpenVINO)")


@pytest.mark.model
def test_a_model_of_ones_own_is_served_by_transformers(tiny: Path) -> None:
    engine = build_engine(EngineSettings("auto", str(tiny)))
    engine.close()
    assert isinstance(engine, TransformersEngine)
    assert engine.name == tiny.name
    assert engine.device.endswith("(transformers)")
    assert engine.context_tokens == 8192
