"""The CPU engine: OpenVINO GenAI on the GGUF as it is, several answers at once.

One worker thread owns the pipeline and advances all running answers by a token a step (continuous batching),
with the prefixes that conversations share kept in its cache. Callers only hold a queue. It loads no adapters:
one handed to a pipeline made from a GGUF is silently not applied.
"""

from __future__ import annotations

import atexit
import queue
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.errors import EngineError
from assistant.generation.engine import Finish, Piece, Sampling
from assistant.generation.gguf_check import check_gguf
from assistant.generation.gguf_copy import openable
from assistant.generation.prompt import Turns, leave_room
from assistant.generation.quiet import openvino_genai
from assistant.generation.text import TextStream
from assistant.types import Message

CACHE_GB = 1
CONTEXT_TOKENS = 4096
"""Half of what SmolLM2 can hold: two cores read about 500 tokens a second, and nobody waits longer."""
_CLOSED = "The language model was closed while it answered. Ask again."


@dataclass(eq=False)
class _Job:
    """One answer under way. `news` carries lists of token ids, then an error or None at its end."""

    ids: Any
    config: Any
    news: queue.SimpleQueue[list[int] | EngineError | None] = field(default_factory=queue.SimpleQueue)
    cancelled: threading.Event = field(default_factory=threading.Event)
    handle: Any = None


class OpenVinoEngine:
    """A GGUF on the CPU. `name` is for people; `context_tokens` bounds prompt and answer together."""

    device = "CPU (OpenVINO)"

    def __init__(self, gguf: Path, name: str, context_tokens: int = CONTEXT_TOKENS) -> None:
        """Load the model; takes seconds.

        Raises:
            EngineError: OpenVINO is not installed, or can't read this file.
        """
        check_gguf(gguf)
        self.name = name
        self.context_tokens = context_tokens
        self._genai = openvino_genai()
        scheduler = self._genai.SchedulerConfig()
        scheduler.enable_prefix_caching = True
        scheduler.cache_size = CACHE_GB
        try:
            with openable(gguf) as path:
                self._pipeline = self._genai.ContinuousBatchingPipeline(str(path), scheduler, "CPU", {})
        # What C++ throws arrives as one of these; a metadata key that is missing is an IndexError.
        except (RuntimeError, LookupError, ValueError, MemoryError) as error:
            raise EngineError(
                f"OpenVINO can't load {gguf.name} as a language model: {_reason(error)}. "
                "Get the file again, or choose another model."
            ) from error
        self._tokenizer = self._pipeline.get_tokenizer()
        self._tokenizer_lock = threading.Lock()
        self._turns = Turns(_control_tokens(self._tokenizer))
        self._arrivals: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._why_closed = _CLOSED
        self._worker = threading.Thread(target=self._work, name="openvino", daemon=True)
        self._worker.start()
        # Native threads that outlive the interpreter can abort the process and change its exit code.
        atexit.register(self.close)

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation after the model's chat template, the answer's opening included."""
        return int(self._encode(messages).shape[1])

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, stop: threading.Event | None = None
    ) -> Iterator[Piece]:
        """See `Engine.stream`.

        Raises:
            BadInputError: at the call: the prompt leaves no room for an answer.
            EngineError: while iterating: the engine failed or was closed.
        """
        ids = self._encode(messages)
        room = leave_room(int(ids.shape[1]), self.context_tokens)
        return self._stream(ids, sampling, min(room, sampling.max_new_tokens), stop or threading.Event())

    def close(self) -> None:
        """Free the model. Running streams end with EngineError. Closing twice is harmless."""
        self._closed.set()
        self._arrivals.put(None)
        self._worker.join()
        self._pipeline = None
        atexit.unregister(self.close)

    def _encode(self, messages: Sequence[Message]) -> Any:
        if self._closed.is_set():
            raise EngineError(self._why_closed)
        with self._tokenizer_lock:
            prompt = self._tokenizer.apply_chat_template(self._turns.as_template_input(messages), True)
            return self._tokenizer.encode(prompt, add_special_tokens=False).input_ids

    def _decode(self, tokens: list[int]) -> str:
        with self._tokenizer_lock:
            return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def _stream(self, ids: Any, sampling: Sampling, limit: int, stop: threading.Event) -> Iterator[Piece]:
        job = _Job(ids, self._config(sampling, limit))
        text = TextStream(self._decode, sampling.stop)
        end = self._tokenizer.get_eos_token_id()
        finish: Finish = "length"
        self._arrivals.put(job)
        try:
            while finish == "length":
                try:
                    # So that a stop is heard while the prompt is being read and nothing comes.
                    news = job.news.get(timeout=0.1)
                except queue.Empty:
                    # What is handed over while the engine closes is seen by nobody.
                    if not self._worker.is_alive() and job.news.empty():
                        raise EngineError(self._why_closed) from None
                    news = []
                if isinstance(news, EngineError):
                    raise news
                if news is None:
                    break
                for token in news:
                    if token == end:
                        finish = "end"
                        break
                    piece = text.push(token)
                    if piece:
                        yield Piece(piece, text.tokens)
                    if text.stopped:
                        finish = "end"
                        break
                    if stop.is_set():
                        break
                if stop.is_set() and finish == "length":
                    finish = "stop"
            yield Piece(text.finish(), text.tokens, finish)
        finally:
            job.cancelled.set()

    def _config(self, sampling: Sampling, limit: int) -> Any:
        config = self._genai.GenerationConfig()
        config.max_new_tokens = limit
        config.eos_token_id = self._tokenizer.get_eos_token_id()
        config.stop_token_ids = {config.eos_token_id}
        config.repetition_penalty = sampling.repetition_penalty
        config.frequency_penalty = sampling.frequency_penalty
        config.do_sample = sampling.temperature > 0
        if config.do_sample:
            config.temperature = sampling.temperature
            config.top_p = sampling.top_p
            if sampling.top_k:
                config.top_k = sampling.top_k
            config.rng_seed = secrets.randbits(32) if sampling.seed is None else sampling.seed
        return config

    def _work(self) -> None:
        """The worker's loop: take what arrives, advance everything by a token, hand the tokens out."""
        running: list[_Job] = []
        numbers = 0
        try:
            while not self._closed.is_set():
                for job in self._taken(wait=not running):
                    if job is not None and not job.cancelled.is_set():
                        job.handle = self._pipeline.add_request(numbers, job.ids, job.config)
                        numbers += 1
                        running.append(job)
                for job in running:
                    if job.cancelled.is_set():
                        job.handle.cancel()
                if running:
                    self._pipeline.step()
                running = [job for job in running if self._hand_out(job)]
        except RuntimeError as error:
            self._why_closed = f"The language model failed: {_reason(error)}. Start the app again."
            self._closed.set()
            self._end_all(running, EngineError(self._why_closed))
        else:
            for job in running:
                job.handle.cancel()
            if self._pipeline.has_non_finished_requests():
                self._pipeline.step()  # what was cancelled gives its memory back in a step
            self._end_all(running, EngineError(_CLOSED))

    def _taken(self, *, wait: bool) -> list[_Job | None]:
        taken: list[_Job | None] = [self._arrivals.get()] if wait else []
        while not self._arrivals.empty():
            taken.append(self._arrivals.get())
        return taken

    def _hand_out(self, job: _Job) -> bool:
        """Pass a job's new tokens on; False once it has ended."""
        if job.cancelled.is_set():
            job.news.put(None)
            return False
        tokens: list[int] = []
        # A request that has ended still answers can_read() with an empty piece, so its state decides.
        status = self._genai.GenerationStatus
        ended = job.handle.get_status() != status.RUNNING
        while job.handle.can_read():
            pieces = [list(output.generated_ids) for output in job.handle.read().values()]
            if not any(pieces):
                break
            tokens.extend(token for piece in pieces for token in piece)
        if tokens:
            job.news.put(tokens)
        if ended and job.handle.get_status() == status.IGNORED:
            job.news.put(
                EngineError("There is not enough memory for this conversation. Clear it and ask again.")
            )
        elif ended:
            job.news.put(None)
        return not ended

    def _end_all(self, running: Sequence[_Job], error: EngineError) -> None:
        waiting = [job for job in self._taken(wait=False) if job is not None]
        for job in [*running, *waiting]:
            job.news.put(error)


def _control_tokens(tokenizer: Any) -> list[str]:
    """The special tokens of the vocabulary, by their look: `<|name|>` and what the template writes."""
    names = [key.decode("utf-8", "replace") for key in tokenizer.get_vocab()]
    return [name for name in names if name.startswith("<|") and name.endswith("|>")]


def _reason(error: Exception) -> str:
    """The last line, where OpenVINO says it; the lines before name places in its source."""
    return str(error).strip().rsplit("\n", 1)[-1][:200].rstrip(".")
