"""Train a BPE, WordPiece or Unigram tokenizer on a stream of texts.

The same texts and settings give the same tokenizer, to the byte. The library's trainers walk through hash
tables whose order changes from run to run, which shows in WordPiece (the ids of its continuing characters
decide ties) and in Unigram (the order of a sum, and of rare characters); both are put right here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from training.errors import BadDataError
from training.tokenizers import special
from training.tokenizers.settings import TokenizerSettings
from training.tokenizers.texts import cut, repeatable

if TYPE_CHECKING:
    import tokenizers
    from transformers import PreTrainedTokenizerFast

OnRead = Callable[[str, int], None]
"""Told the step ("counting characters", "reading", "learning") and the characters read in it so far."""

_EVERY = 64
_ENDLESS = re.compile(r"\S{100}")  # no word is as long: a URL, a sequence, an encoded file
_DIGITS = 4  # of a score: what is left when the noise of the sum is gone
_STEP = 1e-4  # between the scores that the library gives to characters which it had no score for


def silent(step: str, characters: int) -> None:
    """Tell nobody."""
    del step, characters


def train_tokenizer(
    texts: Iterable[str], settings: TokenizerSettings, on_progress: OnRead | None = None
) -> PreTrainedTokenizerFast:
    """A new tokenizer, learned from `texts` alone.

    Memory holds the distinct words, never the texts. WordPiece and Unigram read the texts twice; texts that
    come but once are kept in a temporary file meanwhile. What `on_progress` raises ends the training.

    Raises:
        BadDataError: there is nothing in the texts but spaces.
    """
    tell = on_progress or silent
    if settings.kind == "bpe":
        core = _bpe(texts, settings, tell)
    else:
        with repeatable(texts) as again:
            alphabet = _alphabet(again, tell)
            learn = _wordpiece if settings.kind == "wordpiece" else _unigram
            core = learn(again, settings, alphabet, tell)
    return special.dress(core, settings.style)


def stream(texts: Iterable[str], step: str, tell: OnRead) -> Iterator[str]:
    """The texts in parts, in which no word is endless.

    Raises:
        BadDataError: all that came were spaces.
    """
    characters, empty = 0, True
    for number, part in enumerate(cut(texts)):
        characters += len(part)
        if number % _EVERY == 0:
            tell(step, characters)
        if part and not part.isspace():
            empty = False
            yield _ENDLESS.sub(r"\g<0> ", part)
    if empty:
        raise BadDataError("There is no text to learn a tokenizer from. Give a set or files that have some.")
    tell(step, characters)


def _alphabet(texts: Iterable[str], tell: OnRead) -> Counter[str]:
    """How often each character comes."""
    counts: Counter[str] = Counter()
    for part in stream(texts, "counting characters", tell):
        counts.update(part)
    return counts


def _most_common(counts: Counter[str], count: int) -> list[str]:
    return sorted(sorted(counts, key=lambda char: (-counts[char], char))[:count])


def _bpe(texts: Iterable[str], settings: TokenizerSettings, tell: OnRead) -> tokenizers.Tokenizer:
    import tokenizers
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    core = tokenizers.Tokenizer(models.BPE())
    if settings.lowercase:
        core.normalizer = normalizers.Lowercase()
    # A number digit by digit, so that 120 mg and 125 mg have their digits in common.
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.size,
        min_frequency=2,
        special_tokens=list(special.TOKENS[settings.style]),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    _learn(core, texts, trainer, tell)
    return core


def _learn(core: tokenizers.Tokenizer, texts: Iterable[str], trainer: Any, tell: OnRead) -> None:
    """Read and learn; the library reads ahead, and can't be stopped once it has read all."""

    def to_the_end() -> Iterator[str]:
        read = 0
        for part in stream(texts, "reading", tell):
            read += len(part)
            yield part
        tell("learning", read)

    core.train_from_iterator(to_the_end(), trainer)


def _wordpiece(
    texts: Iterable[str], settings: TokenizerSettings, counts: Counter[str], tell: OnRead
) -> tokenizers.Tokenizer:
    import tokenizers
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    tokens = list(special.TOKENS[settings.style])
    unknown = special.unknown(settings.style)
    assert unknown is not None  # the settings see to it

    def bare(model: Any) -> tokenizers.Tokenizer:
        core = tokenizers.Tokenizer(model)
        core.normalizer = normalizers.BertNormalizer(lowercase=settings.lowercase)
        core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        core.decoder = decoders.WordPiece(prefix="##")
        return core

    core = bare(models.WordPiece(unk_token=unknown))
    first, inside = _normal_characters(core, counts)
    room = settings.size // 4
    alphabet = _most_common(first, room)
    continuing = [f"##{char}" for char in alphabet if char in inside]
    trainer = trainers.WordPieceTrainer(
        vocab_size=settings.size,
        min_frequency=2,
        special_tokens=tokens + continuing,  # which fixes their ids before any word is looked at
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    _learn(core, texts, trainer, tell)
    vocabulary = dict(sorted(core.get_vocab().items(), key=lambda entry: entry[1]))
    return bare(models.WordPiece(vocabulary, unk_token=unknown))


def _normal_characters(core: tokenizers.Tokenizer, counts: Counter[str]) -> tuple[Counter[str], set[str]]:
    """What the characters become before they are cut into pieces, and which of those go on within a word."""
    normal: Counter[str] = Counter()
    inside: set[str] = set()
    assert core.normalizer is not None
    assert core.pre_tokenizer is not None
    for char, count in counts.items():
        words = [word for word, _ in core.pre_tokenizer.pre_tokenize_str(core.normalizer.normalize_str(char))]
        for found in "".join(words):
            normal[found] += count
            inner = core.pre_tokenizer.pre_tokenize_str(core.normalizer.normalize_str(f"a{found}"))
            if inner[0][0] == f"a{found}":
                inside.add(found)
    return normal, inside


def _unigram(
    texts: Iterable[str], settings: TokenizerSettings, counts: Counter[str], tell: OnRead
) -> tokenizers.Tokenizer:
    import tokenizers
    from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

    tokens = list(special.TOKENS[settings.style])
    unknown = special.unknown(settings.style)
    assert unknown is not None  # the settings see to it

    def bare(model: Any) -> tokenizers.Tokenizer:
        core = tokenizers.Tokenizer(model)
        case = [normalizers.Lowercase()] if settings.lowercase else []
        spaces = [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
        core.normalizer = normalizers.Sequence([normalizers.NFKC(), *case, *spaces])
        core.pre_tokenizer = pre_tokenizers.Metaspace()
        core.decoder = decoders.Metaspace()
        return core

    # The library keeps every character, however rare; those beyond a quarter of the vocabulary are left out.
    known = set(_most_common(counts, settings.size // 4))
    rare = str.maketrans(dict.fromkeys((char for char in counts if char not in known), " "))
    core = bare(models.Unigram())
    trainer = trainers.UnigramTrainer(
        vocab_size=settings.size, special_tokens=tokens, unk_token=unknown, show_progress=False
    )
    _learn(core, (text.translate(rare) for text in cut(texts)) if rare else texts, trainer, tell)
    scores = [(piece, score) for piece, score in json.loads(core.to_str())["model"]["vocab"]]
    entries = [(token, 0.0) for token in tokens] + _settled(scores, frozenset(tokens))
    return bare(models.Unigram(entries, tokens.index(unknown), byte_fallback=False))


def _settled(scores: list[tuple[str, float]], tokens: frozenset[str]) -> list[tuple[str, float]]:
    """The pieces with scores that are the same in every run, best first.

    The characters that the library had no score for stand at the lower end in an order of chance; all that
    stand there get the lowest score.
    """
    learned = {piece: score for piece, score in scores if piece not in tokens}
    lowest = min(learned.values())
    edge = lowest + _STEP * sum(1 for piece in learned if len(piece) == 1) + _STEP / 2
    for piece, score in learned.items():
        chance = len(piece) == 1 and score < edge
        learned[piece] = round(lowest if chance else score, _DIGITS)
    return sorted(learned.items(), key=lambda entry: (-entry[1], entry[0]))
