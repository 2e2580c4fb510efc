"""The learned head: MiniLM with a low-rank change to its layers and one tagging layer, and its weight file.

MiniLM reads everything in lower case, so each word also brings its shape (capitals, digits, whether a space
stands before it) as a learned vector added to the input. The weight file holds the change alone (float16);
the base stays the verified package. safetensors only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assistant import weights
from assistant.errors import WeightsError
from assistant.extraction import encoding
from assistant.extraction.scheme import Head
from assistant.extraction.tagger import Heads, pad

if TYPE_CHECKING:
    import torch

WEIGHTS = Path(__file__).parent / "weights"
LABELS = Head("identifiers", ("NAME", "LOCATION", "DATE", "CONTACT", "ID"))
WINDOW, OVERLAP, BATCH = 254, 64, 16
RANK = 24
SHAPES = 18


def shape_of(text: str, start: int, end: int) -> int:
    """A number from 1 to 17 for how a word is written; 0 is kept for padding and special pieces."""
    word = text[start:end]
    glued = start > 0 and not text[start - 1].isspace()
    if word.isdigit():
        kind = min(len(word), 5) - 1 if len(word) < 3 else 2
    elif not any(char.isalnum() for char in word):
        kind = 3
    elif any(char.isdigit() for char in word):
        kind = 4
    elif word.islower() or not any(char.isupper() for char in word):
        kind = 5
    elif len(word) == 1:
        kind = 6
    elif word.isupper():
        kind = 7
    else:
        kind = 8 if word.istitle() else 4
    return min(1 + kind + 9 * glued, SHAPES - 1)


def shapes_of(text: str, encoded: encoding.Encoded) -> list[int]:
    """(pieces,) the shape of the word that each piece belongs to."""
    starts = [first for first, _, _ in encoded.words] + [len(encoded.ids)]
    out: list[int] = []
    for index, (first, start, end) in enumerate(encoded.words):
        out.extend([shape_of(text, start, end)] * (starts[index + 1] - first))
    return out


def build_network(base: Path, rank: int = RANK) -> Any:
    """MiniLM from `base`: ids, mask, shapes (batch, pieces) -> logits (batch, pieces, tags)."""
    import torch
    from transformers import AutoModel

    weights.quiet_loading()

    class LowRank(torch.nn.Module):
        """A frozen linear layer W with a change of low rank: W + up @ down (Hu et al. 2021)."""

        def __init__(self, layer: torch.nn.Linear) -> None:
            super().__init__()
            self.layer = layer
            self.down = torch.nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features**0.5)
            self.up = torch.nn.Parameter(torch.zeros(layer.out_features, rank))
            layer.requires_grad_(False)

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.layer(hidden) + (hidden @ self.down.T) @ self.up.T
            return out

        def merged(self) -> torch.nn.Linear:
            with torch.no_grad():
                self.layer.weight += self.up @ self.down
            return self.layer

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(
                base, local_files_only=True, add_pooling_layer=False, attention_probs_dropout_prob=0.0
            ).requires_grad_(False)
            _replace(self.encoder.encoder, torch.nn.Linear, LowRank)
            width = self.encoder.config.hidden_size
            self.shapes = torch.nn.Embedding(SHAPES, width, padding_idx=0)
            torch.nn.init.zeros_(self.shapes.weight)
            self.dropout = torch.nn.Dropout(0.1)
            self.tags = torch.nn.Linear(width, LABELS.size)

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, shapes: torch.Tensor) -> torch.Tensor:
            embedded = self.encoder.embeddings.word_embeddings(ids) + self.shapes(shapes)
            hidden = self.encoder(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
            out: torch.Tensor = self.tags(self.dropout(hidden))
            return out

        def merge(self) -> None:
            """Fold the change into the layers: the same answers, faster."""
            _replace(self.encoder.encoder, LowRank, LowRank.merged)

    return Network()


def _replace(module: torch.nn.Module, sort: type, make: Any) -> None:
    for name, child in module.named_children():
        if isinstance(child, sort):
            setattr(module, name, make(child))
        else:
            _replace(child, sort, make)


def kept(name: str) -> bool:
    """Whether a parameter is part of our weight file."""
    return name.startswith(("shapes.", "tags.")) or name.endswith((".down", ".up"))


def pad_shapes(rows: list[list[int]], width: int) -> torch.Tensor:
    """(batch, width) shapes beside the ids of `pad`: 0 for [CLS], [SEP] and padding."""
    import torch

    out = torch.zeros((len(rows), width), dtype=torch.long)
    for index, row in enumerate(rows):
        out[index, 1 : len(row) + 1] = torch.tensor(row, dtype=torch.long)
    return out


class IdentifierHead:
    """Texts -> log-probabilities of every tag of every word. Load once; one text at a time per thread."""

    def __init__(self, folder: Path = WEIGHTS) -> None:
        """Load and verify.

        Raises:
            WeightsError: a file is missing, damaged or not the one on record.
        """
        import safetensors.torch

        config = Heads.read(folder / "config.json")
        path = weights.verified(folder / "model.safetensors", config.sha256)
        if config.heads != (LABELS,):
            raise WeightsError(f"{folder / 'config.json'} is of another head. Install the project anew.")
        base = weights.bert_folder()
        self._tokenizer = encoding.load_tokenizer(base)
        try:
            state = {name: tensor.float() for name, tensor in safetensors.torch.load_file(path).items()}
        except safetensors.SafetensorError as error:
            raise WeightsError(f"{path} is damaged: {error}. Install the project anew.") from error
        rank = next((value.shape[0] for name, value in state.items() if name.endswith(".down")), RANK)
        self._network = build_network(base, rank)
        if set(state) != {name for name in self._network.state_dict() if kept(name)}:
            raise WeightsError(f"{path} does not fit the de-identification head. Install the project anew.")
        try:
            self._network.load_state_dict(state, strict=False)
        except RuntimeError as error:  # a tensor of another shape
            raise WeightsError(f"{path} does not fit its config.json: {error}") from error
        self._network.merge()
        self._network.eval()

    def encode(self, text: str) -> encoding.Encoded:
        """The text in pieces and words."""
        return encoding.encode(self._tokenizer, text)

    def scores(self, text: str, encoded: encoding.Encoded) -> NDArray[np.float32]:
        """(words, tags) log-probabilities; long texts in overlapping windows, read in order of length."""
        import torch

        table = np.zeros((len(encoded.words), LABELS.size), dtype=np.float32)
        shapes = shapes_of(text, encoded)
        plan = encoding.windows(encoded, WINDOW, OVERLAP)
        starts = [first for first, _, _ in encoded.words] + [len(encoded.ids)]
        plan.sort(key=lambda window: starts[window.last] - starts[window.first])
        for begin in range(0, len(plan), BATCH):
            batch = plan[begin : begin + BATCH]
            cuts = [slice(starts[w.first], min(starts[w.last], starts[w.first] + WINDOW)) for w in batch]
            ids, mask = pad([list(encoded.ids[cut]) for cut in cuts], self._tokenizer)
            with torch.inference_mode():
                logits = self._network(ids, mask, pad_shapes([shapes[cut] for cut in cuts], ids.shape[1]))
                chances = torch.log_softmax(logits.float(), dim=-1).numpy()
            for row, window in enumerate(batch):
                places = [
                    starts[word] - starts[window.first] + 1 for word in range(window.keep, window.keep_end)
                ]
                table[window.keep : window.keep_end] = chances[row, places]
        return table
