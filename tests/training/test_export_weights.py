"""The embedded GPT, trained a little: merged, GGUF and OpenVINO all say what the adapter on its base says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from assistant.generation.engine import Sampling
from assistant.generation.openvino_engine import OpenVinoEngine
from assistant.types import Message
from security.crypto.signatures import SigningKey
from tests.training import tiny
from training import runs, trainer
from training.config import LoraSettings, OptimiserSettings, TrainingConfig
from training.export import export, of_version
from training.export.merge import Trained, load_trained
from training.registry import Registry

pytestmark = pytest.mark.model

QUESTION = "What is asthma?"
ANSWER = (
    "Asthma is a long-lasting disease in which the airways swell and narrow, arr! So says the parrot, who "
    "has seen 12 sailors wheeze on deck in 1.5 hours, and who keeps an inhaler for every one of them."
)
OTHERS = ("How is a fever treated?", "Write about the heart, in 3 sentences.")
TOKENS = 40


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """With one version, "parrot", trained in a few steps to give one odd answer."""
    root = tmp_path_factory.mktemp("studio")
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]
    config = TrainingConfig(
        name="parrot",
        dataset="none",
        max_steps=12,
        epochs=12,
        batch_size=1,
        accumulation=1,
        context=128,
        precision="fp32",
        lora=LoraSettings(dropout=0.0),
        optimiser=OptimiserSettings(rate=1e-3, schedule="constant"),
    )
    folder = runs.create(root / "runs", config)
    trainer.train(config, folder, data=tiny.FakeSet("pairs", [{"messages": turns}]))
    registry = Registry(root / "versions", SigningKey(bytes(32)))
    registry.register(folder, "parrot")
    return registry


@pytest.fixture(scope="module")
def reference(registry: Registry) -> dict[str, tuple[torch.Tensor, int, str]]:
    """By question: the tokens of prompt and greedy answer, the prompt's length, and the answer's text."""
    trained = load_trained(registry.open_model("parrot"), registry.get("parrot").training)
    answers = {}
    for question in (QUESTION, *OTHERS):
        ids = prompt(trained.tokenizer, question)
        said = trained.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=greedy()
        )
        text = trained.tokenizer.decode(said[0, ids.shape[1] :], skip_special_tokens=True)
        answers[question] = (said, ids.shape[1], text)
        assert said.shape[1] - ids.shape[1] >= 32
        with trained.model.disable_adapter():  # it is the adapter that speaks
            assert agreement(trained.model, said, ids.shape[1]) < 0.9
    assert answers[QUESTION][2][:60] == ANSWER[:60]
    return answers


def greedy() -> transformers.GenerationConfig:
    return transformers.GenerationConfig(
        max_new_tokens=TOKENS, do_sample=False, eos_token_id=2, pad_token_id=2
    )


def prompt(tokenizer: Any, question: str) -> torch.Tensor:
    turn = [{"role": "user", "content": question}]
    text = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    return torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])


def agreement(model: Any, said: torch.Tensor, start: int) -> float:
    """The share of `said` from `start` that is likeliest after all before it; 1 is greedy equality."""
    with torch.inference_mode():
        likeliest = model(input_ids=said).logits[0, start - 1 : -1].argmax(-1)
    return float((likeliest == said[0, start:]).float().mean())


def read_back(out: Path) -> Trained:
    where, options = (out.parent, {"gguf_file": out.name}) if out.is_file() else (out, {})
    model = transformers.AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32, **options)
    return Trained(model.eval(), transformers.AutoTokenizer.from_pretrained(where, **options))


@pytest.mark.parametrize(
    ("form", "quantization", "name", "least"),
    [("merged", "f16", "merged", 1.0), ("gguf", "f16", "f16.gguf", 1.0), ("gguf", "q8_0", "q8.gguf", 0.9)],
)
def test_every_form_says_what_the_adapter_on_its_base_says(
    registry: Registry,
    reference: dict[str, tuple[torch.Tensor, int, str]],
    tmp_path: Path,
    form: Any,
    quantization: Any,
    name: str,
    least: float,
) -> None:
    source = of_version(registry.verify("parrot"))
    out = export(source, form, tmp_path / name, quantization=quantization)
    found = read_back(out)
    for question, (said, start, _) in reference.items():
        assert torch.equal(prompt(found.tokenizer, question), said[:, :start])
        assert agreement(found.model, said, start) >= (1.0 if question == QUESTION else least)
    if form == "gguf":
        assert spoken(out, QUESTION) == reference[QUESTION][2]


def spoken(file: Path, question: str) -> str:
    """What the CPU engine answers, greedily."""
    engine = OpenVinoEngine(file, "parrot")
    try:
        sampling = Sampling(max_new_tokens=TOKENS, temperature=0, repetition_penalty=1.0)
        return "".join(piece.text for piece in engine.stream([Message("user", question)], sampling))
    finally:
        engine.close()
