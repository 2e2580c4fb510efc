"""Give a base model's tokenizer whole words of one's own, and the model rows for them.

The words go into the vocabulary itself and are found where the tokenizer's own word boundaries are, so that
spaces come back when ids are decoded. All old ids stay as they are. With BPE a new word is never found within
a longer one; WordPiece and Unigram may use it for the beginning of one.
The words are taken from the text as they stand in it: what may not leave with a model must not be in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from training.errors import BadConfigError, BadDataError
from training.tokenizers import cores
from training.tokenizers.learning import OnRead, silent, stream
from training.tokenizers.special import wrap

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

MOST = 20_000
"""Words that a tokenizer can be given."""

BASE_SIZE = "base_vocabulary"
"""What an extended tokenizer's config says of how many entries its base has."""

_PIECES = 3
_TABLE = 1_000_000  # distinct words that are counted at once
_KEPT = ("model_max_length", "padding_side", "truncation_side", "model_input_names", "chat_template")


def extend(
    base: Any, texts: Iterable[str], count: int, on_progress: OnRead | None = None
) -> tuple[PreTrainedTokenizerFast, tuple[str, ...]]:
    """The base with up to `count` words that the texts have twice or more and that it cuts into 3 or more.

    Those that save most tokens come first. Where the base tells them apart, a word at the start of a line and
    the same word behind a space are two.

    Returns:
        The new tokenizer, and the words in the order of their ids, with the space that belongs to them.

    Raises:
        BadConfigError: `count` is out of range, or the base has no words of its own to go by.
        BadDataError: there is no text, or no word in it is worth an entry.
    """
    if not 1 <= count <= MOST:
        raise BadConfigError(f"count must be from 1 to {MOST}; it is {count}.")
    core = cores.described(base)
    _check_extensible(base, core)
    _take_in_added(core)
    counts = _words(base, texts, on_progress or silent)
    gains = _gains(base, counts)
    chosen = [word for word, _ in sorted(gains.items(), key=lambda gain: (-gain[1], gain[0]))][:count]
    if not chosen:
        raise BadDataError(
            "The base cuts no word that the text has twice or more into 3 pieces or more. It fits as it is."
        )
    _add(base, core["model"], chosen)
    options = {name: getattr(base, name, None) for name in _KEPT} | dict(base.special_tokens_map)
    options |= {BASE_SIZE: base.init_kwargs.get(BASE_SIZE, len(base))}
    extended = wrap(cores.rebuilt(core), **{name: value for name, value in options.items() if value})
    ids = extended.get_vocab()
    assert all(ids[token] == number for token, number in base.get_vocab().items())
    return extended, tuple(_readable(base, word) for word in chosen)


def _check_extensible(base: Any, core: dict[str, Any]) -> None:
    kind = core["model"]["type"]
    able = (
        (kind == cores.BPE and cores.is_byte_level(base))
        or kind == cores.WORDPIECE
        or (kind == cores.UNIGRAM and core["pre_tokenizer"] is not None)
    )
    if not able:
        raise BadConfigError(
            "This tokenizer has no word boundaries to go by, so that no whole words can be added to it. Use "
            "it as it is, or train a new one."
        )


def _take_in_added(core: dict[str, Any]) -> None:
    """Enter tokens that were added beside the vocabulary into it: else words that follow would shift them."""
    vocabulary = core["model"]["vocab"]
    for token in sorted(core["added_tokens"], key=lambda token: token["id"]):
        if core["model"]["type"] != cores.UNIGRAM:
            vocabulary.setdefault(token["content"], token["id"])
        elif token["id"] == len(vocabulary):
            vocabulary.append([token["content"], 0.0])


def _words(base: Any, texts: Iterable[str], tell: OnRead) -> Counter[str]:
    """The base's own words in the texts, as its model sees them. Of very many, the rarest are forgotten."""
    normalizer, cutter = base.backend_tokenizer.normalizer, base.backend_tokenizer.pre_tokenizer
    counts: Counter[str] = Counter()
    for part in stream(texts, "counting words", tell):
        normal = part if normalizer is None else normalizer.normalize_str(part)
        counts.update(word for word, _ in cutter.pre_tokenize_str(normal))
        if len(counts) > _TABLE:
            counts = Counter(dict(counts.most_common(_TABLE // 2)))
    return counts


def _gains(base: Any, counts: Counter[str]) -> dict[str, int]:
    """Tokens that each word would save in the texts."""
    model, unknown = base.backend_tokenizer.model, cores.unknown_id(base)
    gains = {}
    for word, count in counts.items():
        bare = _readable(base, word).strip()
        if count < 2 or not bare.isalnum() or not bare[0].isalpha():
            continue
        cut_into = [token.id for token in model.tokenize(word)]
        if len(cut_into) >= _PIECES and unknown not in cut_into:
            gains[word] = count * (len(cut_into) - 1)
    return gains


def _readable(base: Any, word: str) -> str:
    raw = cores.bytes_of(word) if cores.is_byte_level(base) else None
    return raw.decode(errors="replace") if raw is not None else word.replace("▁", " ")


def _add(base: Any, model: dict[str, Any], words: list[str]) -> None:
    """Write the words into the description of the base's model, behind all there is."""
    if model["type"] == cores.UNIGRAM:
        # A little better than the best way to cut it, so that nothing else is cut otherwise.
        scores = [score for _, score in model["vocab"]]
        for word in words:
            cut_into = [token.id for token in base.backend_tokenizer.model.tokenize(word)]
            model["vocab"].append([word, sum(scores[number] for number in cut_into) + 0.01])
        return
    first = len(base)
    model["vocab"] |= {word: first + index for index, word in enumerate(words)}
    if model["type"] == cores.BPE:
        model["ignore_merges"] = True  # a word that is in the vocabulary is one piece, without a merge


def grow_embeddings(model: Any, tokenizer: Any) -> int:
    """Give the model a row for each entry that the tokenizer has more than its base.

    A new row is the mean of the rows of the pieces that the word was cut into before (mean initialisation),
    in the embeddings, in the output head (one and the same matrix where the two are tied) and in its bias.
    A token that has no such pieces gets the mean of all rows.

    Returns:
        How many rows were set.
    """
    import torch

    rows = model.get_input_embeddings().weight.shape[0]
    first = min(tokenizer.init_kwargs.get(BASE_SIZE, rows), rows)
    before = _pieces_before(tokenizer, first)
    if not before:
        return 0
    if len(tokenizer) > rows:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with torch.no_grad():
        for matrix in _matrices(model):
            everywhere = matrix[:first].mean(dim=0)
            for number, parts in before.items():
                matrix[number] = matrix[parts].mean(dim=0) if parts else everywhere
    return len(before)


def _pieces_before(tokenizer: Any, first: int) -> dict[int, list[int]]:
    """For each id from `first` on, the ids below it that its word was cut into."""
    core = cores.described(tokenizer)
    model = core["model"]
    if model["type"] == cores.UNIGRAM:
        vocabulary = {word: number for number, (word, _) in enumerate(model["vocab"])}
        model["vocab"] = model["vocab"][:first]
    else:
        vocabulary = model["vocab"]
        model["vocab"] = {word: number for word, number in vocabulary.items() if number < first}
    core["added_tokens"] = [token for token in core["added_tokens"] if token["id"] < first]
    old = cores.rebuilt(core).model
    new = {word: number for word, number in vocabulary.items() if number >= first}
    found = {number: [token.id for token in old.tokenize(word)] for word, number in new.items()}
    return {number: found.get(number, []) for number in range(first, len(tokenizer))}


def _matrices(model: Any) -> list[torch.Tensor]:
    """The embeddings, the head if it is another, and its bias: what has a row for each entry."""
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    found = [embeddings.weight]
    if head is not None:
        if head.weight is not embeddings.weight:
            found.append(head.weight)
        if getattr(head, "bias", None) is not None:
            found.append(head.bias)
    return found
