"""A tokenizer as GGUF describes it: byte-level BPE, which GGUF calls gpt2, with the way it splits text first.

Where the base came as a GGUF and its tokenizer is still the same, what that file says is kept word for word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.errors import BadConfigError

_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5
_PREFIX = "tokenizer."
_TOKENS, _MERGES = "tokenizer.ggml.tokens", "tokenizer.ggml.merges"


def write_tokenizer(writer: Any, tokenizer: Any, size: int, source: Path | None) -> None:
    """Add the tokenizer's fields.

    Args:
        writer: a `gguf.GGUFWriter`.
        tokenizer: a fast tokenizer of `transformers`.
        size: rows of the embeddings; the vocabulary is filled up to it.
        source: a GGUF whose description is kept if it has the same vocabulary and merges.

    Raises:
        BadConfigError: it is no byte-level BPE, or splits text in a way that GGUF has no name for.
    """
    core = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = _tokens(tokenizer, size)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in core["model"].get("merges", ())]
    if source is not None and _copy(writer, source, tokens, merges):
        _write_template(writer, tokenizer)
        return
    if core["model"]["type"] != "BPE" or not _is_byte_level(core):
        raise BadConfigError(
            "GGUF is written for byte-level BPE tokenizers (GPT-2's kind); this one is "
            f"{core['model']['type']}. Export the model as merged."
        )
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_way_of_splitting(core))
    writer.add_token_list(tokens)
    writer.add_token_types(_types(core, tokens))
    writer.add_token_merges(merges)
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(_adds_first(tokenizer))
    ids = {
        "bos": writer.add_bos_token_id,
        "eos": writer.add_eos_token_id,
        "unk": writer.add_unk_token_id,
        "pad": writer.add_pad_token_id,
    }
    for name, add in ids.items():
        if getattr(tokenizer, f"{name}_token_id") is not None:
            add(getattr(tokenizer, f"{name}_token_id"))
    _write_template(writer, tokenizer)


def _write_template(writer: Any, tokenizer: Any) -> None:
    template = tokenizer.chat_template
    if isinstance(template, Mapping):  # by name, where a model has several
        template = template.get("default")
    if template:
        writer.add_chat_template(template)


def _tokens(tokenizer: Any, size: int) -> list[str]:
    names = {index: token for token, index in tokenizer.get_vocab().items()}
    if names and max(names) >= size:
        raise BadConfigError(
            f"The tokenizer has {max(names) + 1} entries and the model only {size}. Train the model anew."
        )
    return [names.get(index, f"[PAD{index}]") for index in range(size)]


def _copy(writer: Any, source: Path, tokens: list[str], merges: list[str]) -> bool:
    """Take over all that `source` says of its tokenizer but the template; False if it is another one."""
    import gguf

    fields: Mapping[str, Any] = gguf.GGUFReader(source).fields
    if _TOKENS not in fields or fields[_TOKENS].contents() != tokens:
        return False
    if _MERGES not in fields or fields[_MERGES].contents() != merges:
        return False
    for name, field in fields.items():
        if not name.startswith(_PREFIX) or name == gguf.Keys.Tokenizer.CHAT_TEMPLATE:
            continue
        kinds = list(field.types)
        if kinds[0] == gguf.GGUFValueType.ARRAY:
            writer.add_array(name, field.contents())
        else:
            writer.add_key_value(name, field.contents(), kinds[0])
    return True


def _is_byte_level(core: Mapping[str, Any]) -> bool:
    return any(step["type"] == "ByteLevel" for step in _steps(core)) and core["normalizer"] is None


def _steps(core: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps of the pre-tokenizer, one after another."""
    first = core["pre_tokenizer"] or {"type": ""}
    return list(first["pretokenizers"]) if first["type"] == "Sequence" else [first]


def _way_of_splitting(core: Mapping[str, Any]) -> str:
    """The name that GGUF has for how text is split before merges apply."""
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    steps = _steps(core)
    last = steps[-1]
    kinds = [step["type"] for step in steps]
    if last["type"] == "ByteLevel" and not last.get("add_prefix_space"):
        if kinds == ["ByteLevel"] and last["use_regex"]:
            return "gpt-2"
        if kinds == ["Digits", "ByteLevel"] and last["use_regex"] and steps[0]["individual_digits"]:
            return "smollm"
        if kinds == ["Split", "ByteLevel"] and not last["use_regex"]:
            pattern = steps[0]["pattern"].get("Regex")
            for name in ("llama-bpe", "qwen2"):
                if GGUF_PRE_TOKENIZER_SPLITS[name] == pattern:
                    return name
    raise BadConfigError(
        "The tokenizer splits text in a way that GGUF has no name for, so that a reader would split it "
        "otherwise. Export the model as merged."
    )


def _types(core: Mapping[str, Any], tokens: list[str]) -> list[int]:
    added = {token["id"]: token["special"] for token in core["added_tokens"]}
    known = set(core["model"]["vocab"].values()) | added.keys()
    return [
        (_CONTROL if added[index] else _USER_DEFINED)
        if index in added
        else (_NORMAL if index in known else _UNUSED)
        for index in range(len(tokens))
    ]


def _adds_first(tokenizer: Any) -> bool:
    """Whether a text gets the token of the beginning by itself."""
    ids = tokenizer("a")["input_ids"]
    return bool(ids) and tokenizer.bos_token_id is not None and ids[0] == tokenizer.bos_token_id
