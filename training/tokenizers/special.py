"""The special tokens of a GPT, a BERT and a T5, where they stand around a text, and the wrapping of it all.

`dress` makes the tokenizer that `transformers` reads from a trained core.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from training.tokenizers.settings import Style

if TYPE_CHECKING:
    import tokenizers
    from transformers import PreTrainedTokenizerFast

TOKENS: Mapping[Style, tuple[str, ...]] = {
    "gpt": ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    "bert": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "t5": ("<pad>", "</s>", "<unk>"),
}
"""In the order of their ids, which begin at 0."""

_ROLES: Mapping[Style, Mapping[str, str]] = {
    # An answer ends with <|im_end|>, and so does a text: generation has one token to stop at.
    "gpt": {"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "bert": {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    },
    "t5": {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"},
}
_AROUND: Mapping[Style, tuple[str, str]] = {
    "bert": ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
    "t5": ("$A </s>", "$A </s> $B </s>"),
}
# ChatML: each turn between <|im_start|>ROLE and <|im_end|>.
_CHAT = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def unknown(style: Style) -> str | None:
    """The token for what is not in the vocabulary."""
    return _ROLES[style].get("unk_token")


def dress(core: tokenizers.Tokenizer, style: Style) -> PreTrainedTokenizerFast:
    """The core with its special tokens, the frame around a text and, for a GPT, a chat template."""
    import tokenizers

    core.add_special_tokens(
        [tokenizers.AddedToken(token, special=True, normalized=False) for token in TOKENS[style]]
    )
    if style in _AROUND:
        single, pair = _AROUND[style]
        framing = [(token, core.token_to_id(token)) for token in TOKENS[style] if token in single]
        core.post_processor = tokenizers.processors.TemplateProcessing(
            single=single, pair=pair, special_tokens=framing
        )
    extra: dict[str, Any] = dict(_ROLES[style])
    if style == "gpt":
        extra |= {"chat_template": _CHAT, "additional_special_tokens": ["<|im_start|>"]}
    return wrap(core, **extra, bert=style == "bert")


def wrap(core: tokenizers.Tokenizer, *, bert: bool = False, **options: Any) -> PreTrainedTokenizerFast:
    """For `transformers`, as the class that reads the core's file just as it is.

    The classes by the name of a model build a core of their own from the vocabulary alone.
    """
    from transformers import PreTrainedTokenizerFast

    segments = ["token_type_ids"] if bert else []
    names = ["input_ids", *segments, "attention_mask"]
    defaults = {"model_input_names": names, "clean_up_tokenization_spaces": False}
    return PreTrainedTokenizerFast(tokenizer_object=core, **(defaults | options))
