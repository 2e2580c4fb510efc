"""The token classifier: MiniLM with one linear layer per head, and its weight file.

The weight file holds what training changed (encoder layers and heads, float16); the word embeddings
stay those of the verified base, so the file is half the size of a full copy. safetensors only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assistant import weights
from assistant.errors import WeightsError
from assistant.extraction import encoding
from assistant.extraction.scheme import Head

if TYPE_CHECKING:
    import torch

WEIGHTS = Path(__file__).parent / "weights"
WINDOW, OVERLAP, BATCH = 254, 64, 16
STYLES = ("bc5cdr", "ncbi-disease", "maccrobat")


@dataclass(frozen=True)
class Heads:
    """The heads of a tagger in their order, as kept in its `config.json`."""

    heads: tuple[Head, ...]
    sha256: str = ""

    @classmethod
    def read(cls, path: Path) -> Heads:
        """From `config.json`.

        Raises:
            WeightsError: the file is missing or not of the form written by `write`.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            heads = tuple(Head(item["name"], tuple(item["labels"])) for item in content["heads"])
            return cls(heads, content["sha256"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"The extractor's {path} is missing or damaged: {error}") from error

    def write(self, path: Path) -> None:
        """To `config.json`."""
        heads = [{"name": head.name, "labels": list(head.labels)} for head in self.heads]
        path.write_text(
            json.dumps({"heads": heads, "sha256": self.sha256}, indent=1) + "\n", encoding="utf-8"
        )


def build_network(heads: tuple[Head, ...], base: Path) -> torch.nn.Module:
    """MiniLM from `base` with a linear layer for each head: ids, mask (batch, pieces) -> {head: logits}."""
    import torch
    from transformers import AutoModel

    weights.quiet_loading()

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(
                base,
                local_files_only=True,
                add_pooling_layer=False,
                attention_probs_dropout_prob=0.0,  # with it PyTorch leaves the fused kernel: half the speed
            )
            self.dropout = torch.nn.Dropout(0.1)
            width = self.encoder.config.hidden_size
            self.heads = torch.nn.ModuleDict({head.name: torch.nn.Linear(width, head.size) for head in heads})
            self.style = torch.nn.Linear(width, len(STYLES))

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
            hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            hidden = self.dropout(hidden)
            out = {name: head(hidden) for name, head in self.heads.items()}
            return out | {"style": self.style(hidden)}

    return Network()


def kept(name: str) -> bool:
    """Whether a parameter is part of our weight file: all but the base's embeddings."""
    return not name.startswith("encoder.embeddings.")


def pad(rows: list[list[int]], tokenizer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of piece ids -> (batch, longest + 2) ids with [CLS] and [SEP], and the attention mask."""
    import torch

    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    longest = max(len(row) for row in rows) + 2
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, : len(row) + 2] = torch.tensor([start, *row, end])
        mask[index, : len(row) + 2] = 1
    return ids, mask


@dataclass(frozen=True)
class Scores:
    """`heads`: {name: (words, tags) log-probabilities}; `style`: (words, STYLES) chance of each kind."""

    heads: dict[str, NDArray[np.float32]]
    style: NDArray[np.float32]


class Tagger:
    """Text -> log-probabilities of every tag of every word. Load once; safe to share between threads."""

    def __init__(self, folder: Path = WEIGHTS) -> None:
        """Load and verify.

        Raises:
            WeightsError: a file is missing, damaged or not the one on record.
        """
        import safetensors.torch

        config = Heads.read(folder / "config.json")
        path = weights.verified(folder / "model.safetensors", config.sha256)
        base = weights.bert_folder()
        self.heads = config.heads
        self._tokenizer = encoding.load_tokenizer(base)
        self._network = build_network(self.heads, base)
        try:
            state = {name: tensor.float() for name, tensor in safetensors.torch.load_file(path).items()}
        except safetensors.SafetensorError as error:
            raise WeightsError(f"{path} is damaged: {error}. Install the project anew.") from error
        expected = {name for name in self._network.state_dict() if kept(name)}
        if set(state) != expected:
            odd = sorted(set(state) ^ expected)[:3]
            raise WeightsError(
                f"{path} does not fit the extractor: {', '.join(odd)} … Install the project anew."
            )
        try:
            self._network.load_state_dict(state, strict=False)
        except RuntimeError as error:  # a tensor of another shape
            raise WeightsError(f"{path} does not fit its config.json: {error}") from error
        self._network.eval()

    def encode(self, text: str) -> encoding.Encoded:
        """The text in pieces and words."""
        return encoding.encode(self._tokenizer, text)

    def scores(self, encoded: encoding.Encoded) -> Scores:
        """What each head says of each word; long texts in overlapping windows, read in order of length."""
        import torch

        words = len(encoded.words)
        out = {head.name: np.zeros((words, head.size), dtype=np.float32) for head in self.heads}
        style = np.zeros((words, len(STYLES)), dtype=np.float32)
        plan = encoding.windows(encoded, WINDOW, OVERLAP)
        starts = [first for first, _, _ in encoded.words] + [len(encoded.ids)]
        plan.sort(key=lambda window: starts[window.last] - starts[window.first])
        for begin in range(0, len(plan), BATCH):
            batch = plan[begin : begin + BATCH]
            rows = [list(encoded.ids[starts[w.first] : starts[w.last]][:WINDOW]) for w in batch]
            ids, mask = pad(rows, self._tokenizer)
            with torch.inference_mode():
                logits = self._network(ids, mask)
            chances = {
                name: torch.log_softmax(values.float(), dim=-1).numpy() for name, values in logits.items()
            }
            for row, window in enumerate(batch):
                places = [
                    starts[word] - starts[window.first] + 1 for word in range(window.keep, window.keep_end)
                ]
                for name, table in out.items():
                    table[window.keep : window.keep_end] = chances[name][row, places]
                # A window comes from one text, so its pieces vote together on what kind of text it is.
                votes = chances["style"][row, 1 : len(rows[row]) + 1].mean(axis=0)
                votes = np.exp(votes - votes.max())
                style[window.keep : window.keep_end] = votes / votes.sum()
        return Scores(out, style)
