"""The shape of a model: how many layers, how wide, how it knows positions. Numbers only, no weights.

Three families: GPT (a decoder, which reads from the left and says what comes next), BERT (an encoder, which
reads both ways) and T5 (both, one after the other). A shape can be trained from scratch as it is; the shape
of a pretrained model is read from its config.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from training.errors import BadConfigError

Family = Literal["gpt", "bert", "t5"]
Positions = Literal["rotary", "learned", "relative"]

_POSITIONS: dict[Family, tuple[Positions, ...]] = {
    "gpt": ("rotary", "learned"),
    "bert": ("learned",),
    "t5": ("relative",),
}
_RANGES: dict[str, tuple[int, int]] = {
    "layers": (1, 256),
    "hidden_size": (8, 65_536),
    "heads": (1, 512),
    "feed_forward_size": (8, 262_144),
    "vocabulary": (16, 1_000_000),
    "context": (8, 1_048_576),
    "key_value_heads": (0, 512),
    "head_size": (0, 1024),
    "decoder_layers": (0, 256),
    "buckets": (4, 1024),
    "segments": (1, 16),
}


@dataclass(frozen=True)
class Shape:
    """One shape.

    Attributes:
        family, positions: "gpt" with "rotary" (as Llama has it) or "learned" (as GPT-2); "bert" with
            "learned"; "t5" with "relative".
        layers: of the decoder or the encoder; of T5 the encoder's, and the decoder's too unless
            `decoder_layers` says otherwise.
        hidden_size, heads, feed_forward_size: of every layer.
        vocabulary: entries of the embedding.
        context: the most tokens that positions are made for.
        key_value_heads: rotary alone: fewer make a smaller cache; 0 for as many as `heads`.
        head_size: rotary and relative: 0 for `hidden_size / heads`.
        tied: the head shares its matrix with the embedding.
        gated: relative alone: two matrices into the feed-forward part, as in FLAN-T5. Rotary always has them.
        query_bias: rotary alone: queries, keys and values have biases, as in Qwen2.
        dropout: of attention and of hidden states; where 0 the attention can be computed without a table of
            all pairs of tokens.
        decoder_layers, buckets: of T5; 0 layers for as many as `layers`.
        segments: of BERT: kinds of segment.

    Raises:
        BadConfigError: a value is out of its range, or two do not go together.
    """

    family: Family = "gpt"
    positions: Positions = "rotary"
    layers: int = 6
    hidden_size: int = 384
    heads: int = 6
    feed_forward_size: int = 1024
    vocabulary: int = 16_384
    context: int = 1024
    key_value_heads: int = 0
    head_size: int = 0
    tied: bool = True
    gated: bool = False
    query_bias: bool = False
    dropout: float = 0.0
    decoder_layers: int = 0
    buckets: int = 32
    segments: int = 2

    def __post_init__(self) -> None:
        _check_kinds(self)
        for name, (least, most) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise BadConfigError(f"{name} must be from {least} to {most}; it is {getattr(self, name)}.")
        if not 0 <= self.dropout < 1:
            raise BadConfigError(f"dropout must be from 0 to less than 1; it is {self.dropout}.")
        if not self.head_size and self.hidden_size % self.heads:
            raise BadConfigError(
                f"hidden_size must be a multiple of heads; {self.hidden_size} is none of {self.heads}."
            )
        if self.heads % self.kv_heads:
            raise BadConfigError(
                f"heads must be a multiple of key_value_heads; {self.heads} is none of {self.kv_heads}."
            )
        if self.positions == "rotary" and self.width % 2:
            raise BadConfigError(
                f"hidden_size / heads must be even for rotary positions; it is {self.width}. Change either."
            )
        self._check_what_goes_together()

    def _check_what_goes_together(self) -> None:
        allowed = _POSITIONS[self.family]
        if self.positions not in allowed:
            raise BadConfigError(
                f"positions must be {' or '.join(allowed)} for family {self.family}; it is {self.positions}."
            )
        alone = {"key_value_heads": ("rotary",), "head_size": ("rotary", "relative")}
        alone |= {"query_bias": ("rotary",), "gated": ("relative",), "decoder_layers": ("relative",)}
        for name, kinds in alone.items():
            if getattr(self, name) and self.positions not in kinds:
                raise BadConfigError(
                    f"{name} is for {' and '.join(kinds)} positions alone; leave it out for {self.positions}."
                )
        if self.family == "t5" and self.buckets % 4:
            raise BadConfigError(f"buckets must be a multiple of 4; it is {self.buckets}.")

    @property
    def kv_heads(self) -> int:
        """Heads that keys and values have."""
        return self.key_value_heads or self.heads

    @property
    def width(self) -> int:
        """Numbers in one head."""
        return self.head_size or self.hidden_size // self.heads

    @property
    def decoders(self) -> int:
        """Layers of T5's decoder; 0 for the other families."""
        return (self.decoder_layers or self.layers) if self.family == "t5" else 0

    @property
    def model_type(self) -> str:
        """As transformers names it."""
        if self.family != "gpt":
            return self.family
        if self.positions == "learned":
            return "gpt2"
        return "qwen2" if self.query_bias else "llama"

    def to_architecture(self) -> dict[str, Any]:
        """What `TrainingConfig.architecture` takes for method scratch.

        Raises:
            BadConfigError: transformers can't make this shape anew.
        """
        if self.family == "t5" and not self.tied:
            raise BadConfigError("tied must be true for a T5 that is made anew.")
        if self.query_bias and self.head_size:
            raise BadConfigError("head_size must be left out where queries have a bias.")
        made: dict[str, Any] = {"model_type": self.model_type, "vocab_size": self.vocabulary}
        for theirs, ours in _NAMES[self.model_type].items():
            made[theirs] = getattr(self, ours)
        if self.family == "t5":
            made["feed_forward_proj"] = "gated-gelu" if self.gated else "relu"
            made["decoder_start_token_id"] = 0
        else:
            made["tie_word_embeddings"] = self.tied
        return made

    @classmethod
    def of_config(cls, config: Any) -> Shape:
        """The shape of a pretrained model, from its transformers config.

        Raises:
            BadConfigError: it is of a kind that is not known here.
        """
        kind = _LIKE.get(config.model_type, config.model_type)
        if kind not in _NAMES:
            raise BadConfigError(
                f"The size of a {config.model_type} can't be estimated. Estimates are for "
                f"{', '.join(sorted((*_NAMES, *_LIKE)))}."
            )
        values: dict[str, Any] = {ours: getattr(config, theirs, None) for theirs, ours in _READ[kind].items()}
        values = {name: value for name, value in values.items() if value is not None}
        values["vocabulary"] = config.vocab_size
        values["tied"] = bool(getattr(config, "tie_word_embeddings", True))
        if kind == "gpt2":
            values.setdefault("feed_forward_size", 4 * config.n_embd)
        if kind == "t5":
            values |= {"gated": config.is_gated_act, "context": getattr(config, "n_positions", 512)}
            values["tied"] = config.scale_decoder_outputs  # the config itself always says that it is tied
        family, positions = _KINDS[kind]
        return cls(family=family, positions=positions, query_bias=kind == "qwen2", **values)


_KINDS: dict[str, tuple[Family, Positions]] = {
    "llama": ("gpt", "rotary"),
    "qwen2": ("gpt", "rotary"),
    "gpt2": ("gpt", "learned"),
    "bert": ("bert", "learned"),
    "t5": ("t5", "relative"),
}
_LIKE = {"mistral": "llama", "smollm2": "llama", "mt5": "t5"}
_COMMON = {
    "num_hidden_layers": "layers",
    "hidden_size": "hidden_size",
    "num_attention_heads": "heads",
    "intermediate_size": "feed_forward_size",
    "max_position_embeddings": "context",
}
_NAMES: dict[str, dict[str, str]] = {
    "llama": _COMMON
    | {"num_key_value_heads": "kv_heads", "head_dim": "width", "attention_dropout": "dropout"},
    "qwen2": _COMMON | {"num_key_value_heads": "kv_heads", "attention_dropout": "dropout"},
    "gpt2": {
        "n_layer": "layers",
        "n_embd": "hidden_size",
        "n_head": "heads",
        "n_inner": "feed_forward_size",
        "n_positions": "context",
        "attn_pdrop": "dropout",
        "resid_pdrop": "dropout",
        "embd_pdrop": "dropout",
    },
    "bert": _COMMON
    | {
        "type_vocab_size": "segments",
        "attention_probs_dropout_prob": "dropout",
        "hidden_dropout_prob": "dropout",
    },
    "t5": {
        "num_layers": "layers",
        "num_decoder_layers": "decoders",
        "d_model": "hidden_size",
        "num_heads": "heads",
        "d_kv": "width",
        "d_ff": "feed_forward_size",
        "relative_attention_num_buckets": "buckets",
        "dropout_rate": "dropout",
    },
}
"""Where transformers keeps what, by kind of model."""
_FIELDS = {"kv_heads": "key_value_heads", "width": "head_size", "decoders": "decoder_layers"}
_READ = {
    kind: {theirs: _FIELDS.get(ours, ours) for theirs, ours in names.items()}
    for kind, names in _NAMES.items()
}


def _check_kinds(shape: Shape) -> None:
    if shape.family not in get_args(Family):
        raise BadConfigError(f"family must be one of gpt, bert, t5; it is {shape.family!r}.")
    if shape.positions not in get_args(Positions):
        raise BadConfigError(f"positions must be rotary, learned or relative; it is {shape.positions!r}.")
    for field in fields(shape):
        value = getattr(shape, field.name)
        if field.name in _RANGES and (not isinstance(value, int) or isinstance(value, bool)):
            raise BadConfigError(f"{field.name} must be a whole number; it is {value!r}.")
        if field.type == "bool" and not isinstance(value, bool):
            raise BadConfigError(f"{field.name} must be true or false; it is {value!r}.")
    if not isinstance(shape.dropout, int | float) or isinstance(shape.dropout, bool):
        raise BadConfigError(f"dropout must be a number; it is {shape.dropout!r}.")


def _gpt(layers: int, hidden: int, heads: int, keys: int, forward: int, context: int = 1024) -> Shape:
    return Shape(
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        key_value_heads=keys,
        feed_forward_size=forward,
        context=context,
    )


def _bert(layers: int, hidden: int, heads: int) -> Shape:
    return Shape(
        family="bert",
        positions="learned",
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        feed_forward_size=4 * hidden,
        context=512,
        dropout=0.1,
    )


def _t5(layers: int, hidden: int, heads: int, forward: int) -> Shape:
    return Shape(
        family="t5",
        positions="relative",
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        head_size=64,
        feed_forward_size=forward,
        context=512,
        gated=True,
        dropout=0.1,
    )


PRESETS: dict[str, Shape] = {
    "gpt-tiny": _gpt(4, 128, 4, 2, 344, 512),
    "gpt-small": _gpt(8, 384, 6, 2, 1024),
    "gpt-medium": _gpt(12, 768, 12, 4, 2048),
    "gpt-large": _gpt(24, 1024, 16, 4, 2816, 2048),
    "gpt-1b": _gpt(22, 2048, 32, 4, 5632, 2048),
    "bert-tiny": _bert(2, 128, 2),
    "bert-small": _bert(6, 384, 6),
    "bert-medium": _bert(12, 512, 8),
    "bert-base": _bert(12, 768, 12),
    "bert-large": _bert(24, 1024, 16),
    "t5-tiny": _t5(2, 128, 2, 256),
    "t5-small": _t5(6, 512, 6, 1024),
    "t5-base": _t5(12, 768, 12, 2048),
    "t5-large": _t5(24, 1024, 16, 2816),
}
"""Shapes to begin with, by name: the family first, then how large."""
