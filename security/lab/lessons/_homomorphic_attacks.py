"""The attacks and cures of the lesson on homomorphic encryption."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from security.lab import pictures, story
from security.lab.lesson import Run
from security.lab.lessons._homomorphic_values import (
    BITS,
    LEAST,
    MOST,
    VALUES,
    key_of,
    percent,
    tenths_of,
    whole_bytes,
)
from security.lab.parameters import Choice, Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import linear_tags, paillier

_ROSA, _THRESHOLD = 68, 75
_DAY = "2026-03-02"
_ADD = Whole("add", "Mallory adds (tenths of a percent)", 20, -30, 100)
_FIXED, _SHARED, _FRESH = "none (r is always 1)", "one r for all", "a new r each time"
_DROP, _OWN, _SHIFT = "leaves the two highest out", "sends a mean of 6.0", "takes 0.5 off each"


def _therapy(tenths: int) -> str:
    return "raise the dose" if tenths >= _THRESHOLD else "keep the dose"


def _signed(ciphertext: int) -> bytes:
    """What a device signs: what it is, whose, of when, and the ciphertext."""
    return b"asklepion/lab/hba1c" + f"|{story.RECORD_NUMBER}|{_DAY}|".encode() + whole_bytes(ciphertext)


def _change(chosen: Chosen, rng: random.Random, signs: bool) -> Iterator[Event]:
    """Mallory adds to Rosa's encrypted value on its way."""
    key = key_of(chosen, rng)
    public = key.public
    device, mallory = (Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)) for _ in range(2))
    sent = public.encrypt(_ROSA, public.randomness(rng))
    signature = device.sign(_signed(sent))
    values = [
        Value("Rosa's value", percent(_ROSA)),
        Value("Ines would", _therapy(_ROSA), f"from {percent(_THRESHOLD)} on she raises the dose"),
        Value("ciphertext", whole_bytes(sent)),
    ]
    if signs:
        values.append(Value("device's signature", signature))
    yield Step(
        "Rosa's device sends its value, encrypted" + (" and signed" if signs else ""), values=tuple(values)
    )
    add = chosen.whole("add")
    extra = public.encrypt(add, public.randomness(rng))
    changed = public.add([sent, extra])
    yield Step(
        "Mallory multiplies it by a ciphertext of her own",
        "She can't read Rosa's value and needn't. The encryption is [[malleable]]: that is what the cloud uses too.",
        (Value("she adds", percent(add)), Value("changed ciphertext", whole_bytes(changed))),
    )
    refused = False
    if signs:
        old = _accepts(device, changed, signature)
        forged = _accepts(device, changed, mallory.sign(_signed(changed)))
        refused = not old and not forged
        yield Step(
            "Ines checks the signature before she decrypts",
            "Mallory tries the old [[signature]], and one by a key of her own.",
            (
                Value("the changed one is accepted", old),
                Value("Mallory's signature is accepted", forged),
            ),
        )
    yield from _treated(key.decrypt(changed), add, refused)


def _treated(got: int, add: int, refused: bool) -> Iterator[Event]:
    """What Ines decrypts, if she does, and what she does to Rosa."""
    wrong = not refused and _therapy(got) != _therapy(_ROSA)
    seen = "refused" if refused else percent(got)
    does = "measure again" if refused else _therapy(got)
    yield Step(
        "What Ines gets",
        "Nothing is decrypted." if refused else "It decrypts without any error.",
        (Value("value", seen), Value("Ines will", does)),
        pictures.chain(
            "Rosa's value, Mallory's change, what Ines gets, what she does.",
            [
                pictures.Box(("Rosa", percent(_ROSA))),
                pictures.Box(("Mallory", f"adds {percent(add)}"), "bad"),
                pictures.Box(("Ines", seen), "good" if refused else "warn"),
                pictures.Box((does,), "bad" if wrong else "good"),
            ],
        ),
    )
    yield Outcome(
        "broken" if wrong else "held",
        "Rosa is treated for a value that she never had, and nothing looks wrong."
        if wrong
        else "The changed value is refused."
        if refused
        else "The value is wrong, but the therapy stays the same this time.",
    )


def _accepts(device: Ed25519PrivateKey, ciphertext: int, signature: bytes) -> bool:
    try:
        device.public_key().verify(signature, _signed(ciphertext))
    except InvalidSignature:
        return False
    return True


def _malleable(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _change(chosen, rng, False)


def _sign(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _change(chosen, rng, True)


def _guess(public: paillier.PublicKey, ciphertexts: Sequence[int], masks: Sequence[int]) -> list[int]:
    """For each ciphertext the candidate that fits with one of the suspected r^n, or -1."""
    table = {
        (1 + candidate * public.n) * mask % public.square: candidate
        for candidate in range(LEAST, MOST + 1)
        for mask in masks
    }
    return [table.get(c, -1) for c in ciphertexts]


def _small(chosen: Chosen, rng: random.Random, way: str) -> Iterator[Event]:
    """Mallory tries all values that there can be."""
    values = tenths_of(chosen)
    public = key_of(chosen, rng).public
    shared = public.randomness(rng)
    rs = [{_FIXED: 1, _SHARED: shared}.get(way) or public.randomness(rng) for _ in range(len(values) + 3)]
    twice = [public.encrypt(values[0], r) for r in rs[-3:-1]]
    ciphertexts = [twice[0], *(public.encrypt(v, r) for v, r in zip(values[1:], rs, strict=False))]
    same = [at for at, (a, b) in enumerate(zip(*map(whole_bytes, twice), strict=False)) if a == b and at < 32]
    yield Step(
        "The devices encrypt",
        f"The randomness: {way}. Here is the first patient's value encrypted twice; equal bytes are marked.",
        (Value("possible values", MOST - LEAST + 1), Value("bits of n", public.n.bit_length())),
        pictures.cells(
            "The first bytes of two ciphertexts of one value; equal bytes are marked.",
            [("Monday", whole_bytes(twice[0])[:32]), ("Tuesday", whole_bytes(twice[1])[:32])],
            [same, same],
        ),
    )
    own = 60
    hers = public.encrypt(own, rs[-1])
    mask = hers * (1 - own * public.n) % public.square
    yield Step(
        "Mallory is a patient too",
        "She knows her own value, so she takes it out of her own ciphertext: what is left is r^n. If the others have the same r, or "
        "none, she can encrypt as they did.",
        (
            Value("her value", percent(own)),
            Value("her ciphertext", whole_bytes(hers)),
            Value("r^n", whole_bytes(mask)),
        ),
    )
    found = _guess(public, ciphertexts, (1, mask))
    rows = tuple(
        (f"patient {at + 1}", percent(v), percent(g) if g >= 0 else "-")
        for at, (v, g) in enumerate(zip(values, found, strict=True))
    )
    hits = sum(v == g for v, g in zip(values, found, strict=True))
    yield Step(
        "She encrypts all values from 3.0 to 20.0 and compares",
        "171 values are few. The length of n doesn't help.",
        (Value("values read", hits), Value("of", len(values))),
        table=Table(("who", "true value", "Mallory's"), rows),
    )
    yield Outcome(
        "broken" if hits else "held",
        f"Mallory reads {hits} of {len(values)} values without any key."
        if hits
        else "No candidate matches: for each value there are about as many ciphertexts as numbers below n.",
    )


def _small_messages(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _small(chosen, rng, chosen.text("randomness"))


def _fresh_randomness(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _small(chosen, rng, _FRESH)


def _lie(
    public: paillier.PublicKey, lie: str, sealed: Sequence[int], order: Sequence[int], rng: random.Random
) -> int:
    """What a dishonest cloud makes of the ciphertexts; `order` says who has the highest values, which the cloud
    may know from elsewhere. It needs no key for any of this."""
    if lie == _DROP:
        return public.add(c for at, c in enumerate(sealed) if at not in order[:2])
    if lie == _OWN:
        return public.encrypt(60 * len(sealed), public.randomness(rng))
    return public.add_plain(public.add(sealed), -5 * len(sealed))


@dataclass(frozen=True)
class _Sums:
    """What Ines has to check a sum with: her key, the tag key, whose values, and their encrypted tags (none if
    the devices send none)."""

    key: paillier.PrivateKey
    tags: linear_tags.TagKey
    names: list[str]
    sealed_tags: list[int]

    def fits(self, total: int, sealed_tags: int) -> bool:
        """Whether a sum and the ciphertext of its tags belong together."""
        return self.tags.fits(self.names, total, self.key.decrypt(sealed_tags))


def _cloud(chosen: Chosen, rng: random.Random, tagged: bool) -> Iterator[Event]:
    """The cloud reports another sum than the true one."""
    values = tenths_of(chosen)
    key = key_of(chosen, rng)
    public = key.public
    tags = linear_tags.TagKey.parse(rng.randbytes(48))
    names = [f"patient {at + 1}, {_DAY}" for at in range(len(values))]
    sealed = [public.encrypt(v, public.randomness(rng)) for v in values]
    pairs = zip(names, values, strict=True) if tagged else ()
    sealed_tags = [public.encrypt(tags.tag(name, v), public.randomness(rng)) for name, v in pairs]
    sums = _Sums(key, tags, names, sealed_tags)
    honest = key.decrypt(public.add(sealed))
    yield _devices(sums, values, honest)
    lie = chosen.text("lie")
    order = sorted(range(len(values)), key=lambda at: -values[at])
    reported = _lie(public, lie, sealed, order, rng)
    got = key.decrypt(reported)
    yield Step(
        "The cloud lies",
        f"It is paid for good numbers and {lie}. It needs no key for that, only the public one.",
        (
            Value("ciphertext that it sends", whole_bytes(reported)),
            Value("mean that Ines gets", got / len(values) / 10, "percent"),
        ),
    )
    caught = False
    if tagged:
        passed = (
            ("the true tags", sums.fits(got, public.add(sealed_tags))),
            ("the same done to the tags", sums.fits(got, _lie(public, lie, sealed_tags, order, rng))),
        )
        caught = not any(fine for _, fine in passed)
        yield Step(
            "Ines checks: tags = factor · sum + masks",
            "The cloud sends the true tags along, or does to them what it did to the values. It doesn't know the factor.",
            tuple(Value(f"passes with {name}", fine) for name, fine in passed),
        )
    yield from _believed(len(values), honest, got, caught)


def _devices(sums: _Sums, values: Sequence[int], honest: int) -> Step:
    """What is sent, and that an honest cloud's sum passes."""
    shown = [Value("values", len(values)), Value("true mean", honest / len(values) / 10, "percent")]
    told = "Ines sees one ciphertext of the sum."
    if sums.sealed_tags:
        told = (
            "Each value comes with an encrypted tag for its patient and day; the tags add up like the values. All devices and "
            "Ines share the tag key: one device that helps the cloud undoes it."
        )
        first = str(sums.tags.tag(sums.names[0], values[0]))
        shown += [
            Value("name of the first", sums.names[0]),
            Value("its tag", first, "secret factor · value + mask of the name"),
            Value("an honest cloud passes", sums.fits(honest, sums.key.public.add(sums.sealed_tags))),
        ]
    return Step("Eight devices, one cloud" if len(values) == 8 else "Devices and a cloud", told, tuple(shown))


def _believed(count: int, honest: int, got: int, caught: bool) -> Iterator[Event]:
    """Whether Ines takes the reported sum for the true one: not if the tags or her eyes say no."""
    believable = LEAST * count <= got <= MOST * count
    refuses = caught or not believable
    wrong = got != honest and not refuses
    yield Step(
        "What Ines believes",
        values=(Value("the tags show the lie", caught), Value("such a mean can be", believable)),
        picture=pictures.chain(
            "True mean, cloud, what Ines believes.",
            [
                pictures.Box(("True mean", f"{honest / count / 10:.2f} %")),
                pictures.Box(("Cloud", "lies"), "bad"),
                pictures.Box(
                    ("Ines", "refuses it" if refuses else f"{got / count / 10:.2f} %"),
                    "bad" if wrong else "good",
                ),
            ],
        ),
    )
    if wrong:
        told = "Ines believes a mean that is none. That the cloud can't read doesn't make it honest."
    elif caught:
        told = "The tags don't fit the sum: Ines refuses it."
    elif not believable:
        told = "No HbA1c is like that: Ines sees that the mean can't be true."
    else:
        told = "The reported sum happens to be the true one."
    yield Outcome("broken" if wrong else "held", told)


def _malicious(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _cloud(chosen, rng, False)


def _tagged(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _cloud(chosen, rng, True)


_LIE = Choice("lie", "The cloud", _DROP, (_DROP, _OWN, _SHIFT))
RUNS = (
    Run(
        "malleable",
        "attack",
        "Two points more",
        "Mallory adds to an encrypted value that she can't read. See what the doctor does.",
        _malleable,
        (_ADD, BITS),
    ),
    Run(
        "signed",
        "cure",
        "Sign the ciphertext",
        "The device signs what it sends, Ed25519; the same change is refused.",
        _sign,
        (_ADD, BITS),
        ("malleable",),
    ),
    Run(
        "small-messages",
        "attack",
        "171 guesses",
        "Without new randomness for each value, Mallory encrypts all possible ones and compares.",
        _small_messages,
        (VALUES, Choice("randomness", "Randomness", _SHARED, (_FIXED, _SHARED, _FRESH)), BITS),
        seconds=40.0,
    ),
    Run(
        "fresh-randomness",
        "cure",
        "New randomness each time",
        "Equal values look different, and the guesses match nothing: [[probabilistic encryption]].",
        _fresh_randomness,
        (VALUES, BITS),
        ("small-messages",),
        seconds=40.0,
    ),
    Run(
        "malicious-cloud",
        "attack",
        "A number of its own",
        "The cloud can't read the values, and sends another sum.",
        _malicious,
        (VALUES, _LIE, BITS),
        seconds=60.0,
    ),
    Run(
        "tagged",
        "cure",
        "Tags that add up",
        "A tag for each value, with a key that the cloud lacks: their sum shows whether the sum is true, as long as no device tells the cloud the key.",
        _tagged,
        (VALUES, _LIE, BITS),
        ("malicious-cloud",),
        seconds=60.0,
    ),
)
