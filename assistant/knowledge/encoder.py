"""Sentences -> vectors, with the embedded MiniLM encoder (all-MiniLM-L6-v2).

Mean pooling over the attention mask and L2 normalisation, as the model was trained (Reimers and
Gurevych, Sentence-BERT, 2019), so that a dot product is the cosine. The weights load on first use, once,
whatever the number of threads. Nothing is trained or cached here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from assistant import weights
from assistant.errors import WeightsError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

DIMENSIONS = 384
MAX_TOKENS = 256
BATCH = 32


class Encoder(Protocol):
    """Anything that turns texts into unit vectors. `fingerprint` changes whenever the vectors would."""

    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Vectors: ...


class SentenceEncoder:
    """The MiniLM encoder. Safe to share between threads; never call it on an event loop."""

    def __init__(self, folder: Callable[[], Path] = weights.bert_folder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    @property
    def fingerprint(self) -> str:
        """Names the weights on record and the way of pooling."""
        return "-".join([*(item.sha256[:16] for item in weights.BERT_FILES), "mean", str(MAX_TOKENS)])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), 384), float32, each of length 1, in the order given.

        Texts beyond 256 tokens are cut. An empty list gives shape (0, 384).

        Raises:
            WeightsError: the weights are missing, are not the ones on record, or can't be loaded.
        """
        import numpy as np

        result = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        # Batches of similar length waste the least on padding.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        with self._lock:
            for begin in range(0, len(order), BATCH):
                rows = order[begin : begin + BATCH]
                result[rows] = self._batch([texts[index] for index in rows])
        return result

    def _batch(self, texts: list[str]) -> Vectors:
        import numpy as np
        import torch

        tokenizer, model = self._load()
        encodings = tokenizer.encode_batch(texts)
        ids = torch.tensor([encoding.ids for encoding in encodings])
        mask = torch.tensor([encoding.attention_mask for encoding in encodings])
        with torch.inference_mode():
            hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
            kept = mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1e-9)
            unit = torch.nn.functional.normalize(pooled, dim=1)
        return np.asarray(unit.numpy(), dtype=np.float32)

    def _load(self) -> tuple[Any, Any]:
        """Tokenizer and model; the caller holds the lock."""
        if self._loaded is None:
            folder = self._folder()
            from tokenizers import Tokenizer
            from transformers import AutoModel

            weights.quiet_loading()
            try:
                tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
                model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
            except (OSError, ValueError, RuntimeError) as error:
                raise WeightsError(
                    f"The sentence encoder in {folder} can't be loaded ({error}). {weights.INSTALL_HINT}"
                ) from error
            tokenizer.enable_truncation(MAX_TOKENS)
            tokenizer.enable_padding()
            self._loaded = (tokenizer, model)
        return self._loaded
