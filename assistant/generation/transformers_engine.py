"""The GPU engine: a causal language model by `transformers`, from a GGUF, a folder or a model id.

On a GPU in bfloat16, on a CPU in float32 (slow: there the default is OpenVINO). Answers queue up: one is
made at a time. It loads safetensors and GGUF only, and runs no code that comes with a model.
"""

from __future__ import annotations

import queue
import secrets
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import EngineError
from assistant.generation.engine import Finish, Piece, Sampling
from assistant.generation.gguf_check import check_gguf
from assistant.generation.prompt import Turns, leave_room
from assistant.generation.text import TextStream
from assistant.types import Message
from assistant.weights import quiet_loading

if TYPE_CHECKING:
    import torch

CONTEXT_TOKENS = 8192
_CLOSED = "The language model was closed while it answered. Ask again."


@dataclass(eq=False)
class _Job:
    """One answer under way; `news` carries token ids, then an error or None at its end."""

    news: queue.SimpleQueue[int | EngineError | None] = field(default_factory=queue.SimpleQueue)
    ended: threading.Event = field(default_factory=threading.Event)


class TransformersEngine:
    """A causal language model with a chat template of its own."""

    def __init__(
        self, model: str | Path, name: str, device: str = "auto", context_tokens: int = CONTEXT_TOKENS
    ) -> None:
        """Load the model; takes seconds to minutes.

        Args:
            model: a GGUF file, a folder with safetensors, or the id of a model that is in the hub's cache.
            name: for people.
            device: "cpu", "cuda", "cuda:1" or "auto" (CUDA if there is one).
            context_tokens: the most that prompt and answer may have together; less if the model has less.

        Raises:
            EngineError: it can't be loaded, or has no chat template.
        """
        import torch
        from transformers import GenerationConfig

        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.name = name
        self._tokenizer, self._model = _load(model, chosen)
        if not self._tokenizer.chat_template:
            raise EngineError(
                f"The model {name} has no chat template. Choose one that is tuned to follow instructions."
            )
        self.device = f"{_device_name(chosen)} (transformers)"
        most = getattr(self._model.config, "max_position_embeddings", None) or context_tokens
        self.context_tokens = min(context_tokens, int(most))
        self._turns = Turns(self._tokenizer.all_special_tokens)
        self._ends = _end_tokens(self._model, self._tokenizer)
        # What its maker set would fill in for every field that `Sampling` doesn't have.
        self._model.generation_config = GenerationConfig()
        self._busy = threading.Lock()
        self._tokenizer_lock = threading.Lock()
        self._closed = threading.Event()

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation after the model's chat template, the answer's opening included."""
        return len(self._encode(messages))

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, stop: threading.Event | None = None
    ) -> Iterator[Piece]:
        """See `Engine.stream`.

        Raises:
            BadInputError: at the call: the prompt leaves no room for an answer.
            EngineError: while iterating: the engine failed or was closed.
        """
        ids = self._encode(messages)
        room = leave_room(len(ids), self.context_tokens)
        return self._stream(ids, sampling, min(room, sampling.max_new_tokens), stop or threading.Event())

    def close(self) -> None:
        """Free the model. Running streams end with EngineError. Closing twice is harmless."""
        self._closed.set()
        with self._busy:
            self._model = None

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        if self._closed.is_set():
            raise EngineError(_CLOSED)
        with self._tokenizer_lock:
            prompt = self._tokenizer.apply_chat_template(
                self._turns.as_template_input(messages), add_generation_prompt=True, tokenize=False
            )
            return list(self._tokenizer(prompt, add_special_tokens=False)["input_ids"])

    def _decode(self, tokens: list[int]) -> str:
        with self._tokenizer_lock:
            return str(
                self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            )

    def _stream(
        self, ids: list[int], sampling: Sampling, limit: int, stop: threading.Event
    ) -> Iterator[Piece]:
        job = _Job()
        worker = threading.Thread(
            target=self._generate, args=(job, ids, sampling, limit), name="transformers", daemon=True
        )
        worker.start()
        text = TextStream(self._decode, sampling.stop)
        finish: Finish = "length"
        try:
            while finish == "length":
                try:
                    # So that a stop is heard while the prompt is being read and nothing comes.
                    news = job.news.get(timeout=0.1)
                except queue.Empty:
                    if stop.is_set():
                        finish = "stop"
                    elif not worker.is_alive() and job.news.empty():
                        raise EngineError("The language model failed; the log says why. Ask again.") from None
                    continue
                if isinstance(news, EngineError):
                    raise news
                if news is None:
                    break
                if news in self._ends:
                    finish = "end"
                    break
                piece = text.push(news)
                if piece:
                    yield Piece(piece, text.tokens)
                if text.stopped:
                    finish = "end"
                elif stop.is_set():
                    finish = "stop"
            yield Piece(text.finish(), text.tokens, finish)
        finally:
            job.ended.set()

    def _generate(self, job: _Job, ids: list[int], sampling: Sampling, limit: int) -> None:
        """In a thread: run the model and hand its tokens over."""
        with self._busy:
            if self._closed.is_set():
                job.news.put(EngineError(_CLOSED))
                return
            if job.ended.is_set():
                return
            try:
                _run(self._model, ids, sampling, limit, sorted(self._ends), _Handover(job, self._closed))
            # torch reports a full GPU and a broken kernel alike.
            except (RuntimeError, ValueError) as error:
                job.news.put(EngineError(f"The language model failed: {_first_line(error)}. Ask again."))
                return
        job.news.put(EngineError(_CLOSED) if self._closed.is_set() else None)


class _Handover:
    """Streamer and stopping rule in one, as `generate` takes them."""

    def __init__(self, job: _Job, closed: threading.Event) -> None:
        self._job = job
        self._closed = closed
        self._prompt = True

    def put(self, value: torch.Tensor) -> None:
        """Tokens; the prompt comes first and is passed over."""
        if self._prompt:
            self._prompt = False
            return
        for token in value.flatten().tolist():
            self._job.news.put(int(token))

    def end(self) -> None:
        """Nothing is held back."""

    def __call__(self, input_ids: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        """Whether to stop, for each row."""
        import torch

        ended = self._job.ended.is_set() or self._closed.is_set()
        return torch.full((input_ids.shape[0],), ended, dtype=torch.bool, device=input_ids.device)


class _FrequencyPenalty:
    """Takes `penalty` from a token's logit for every time the answer has it; the prompt's words stay free."""

    def __init__(self, penalty: float, prompt: int) -> None:
        self._penalty = penalty
        self._prompt = prompt

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """(1, sequence) ids and (1, vocabulary) logits -> logits."""
        import torch

        said = input_ids[:, self._prompt :]
        counts = torch.zeros_like(scores).scatter_add_(1, said, torch.ones_like(said, dtype=scores.dtype))
        return scores - self._penalty * counts


def _run(
    model: Any, ids: list[int], sampling: Sampling, limit: int, ends: list[int], handover: _Handover
) -> None:
    import torch
    from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

    sampled = sampling.temperature > 0
    choice: dict[str, Any] = {"do_sample": sampled}
    if sampled:
        choice |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    config = GenerationConfig(
        max_new_tokens=limit,
        repetition_penalty=sampling.repetition_penalty,
        eos_token_id=ends,
        pad_token_id=ends[0],
        **choice,
    )
    processors = LogitsProcessorList()
    if sampling.frequency_penalty:
        processors.append(_FrequencyPenalty(sampling.frequency_penalty, len(ids)))
    if sampled:
        # Without a seed as well: what is drawn after a seeded answer would follow from its seed.
        torch.manual_seed(secrets.randbits(32) if sampling.seed is None else sampling.seed)
    prompt = torch.tensor([ids], device=model.device)
    with torch.inference_mode():
        model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            generation_config=config,
            logits_processor=processors,
            stopping_criteria=StoppingCriteriaList([handover]),
            streamer=handover,
        )


def _load(model: str | Path, device: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, modeling_gguf_pytorch_utils

    # Progress bars would land between the lines that the shell prints. The one for a GGUF has no switch.
    quiet_loading()
    modeling_gguf_pytorch_utils.tqdm = lambda tensors, **_: tensors
    path = Path(model)
    is_gguf = path.suffix == ".gguf"
    if is_gguf:
        check_gguf(path)
    source = str(path.parent) if is_gguf else str(model)
    extra = {"gguf_file": path.name} if is_gguf else {}
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, **extra)
        network = AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype, trust_remote_code=False, use_safetensors=None if is_gguf else True, **extra
        )
        return tokenizer, network.to(device).eval()
    except (OSError, ValueError, LookupError, ImportError, RuntimeError, struct.error) as error:
        raise EngineError(f"The model {model} can't be loaded: {_first_line(error)}.") from error


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """What ends an answer: the tokenizer's end, and the model's own where it names more."""
    named = model.generation_config.eos_token_id
    listed = [named] if isinstance(named, int) else list(named or [])
    return frozenset(token for token in (*listed, tokenizer.eos_token_id) if token is not None)


def _device_name(device: str) -> str:
    import torch

    return "CPU" if device == "cpu" else torch.cuda.get_device_name(device)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:200].rstrip(".")
