"""Planted secrets: a model that saw them often gives them away, one that never did does not."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st

from tests.training import tiny
from training import canaries as canaries_
from training import runs, trainer
from training.canaries import Canary, Exposure, make_canaries, measure, plant, read_canaries, save
from training.config import OptimiserSettings
from training.corpus.dataset import DataSet
from training.errors import BadConfigError, BadDataError
from training.evaluation.options import EvaluationOptions

OPTIONS = EvaluationOptions(context=64, precision="fp32", batch_size=64, tokens=8)
FORMS = ("record", "phone", "password")


@given(st.integers(0, 10_000), st.sampled_from(FORMS))
def test_a_canary_follows_from_its_seed(seed: int, form: canaries_.Form) -> None:
    canary = Canary.make(seed, form)
    assert canary == Canary.make(seed, form) != Canary.make(seed + 1, form)
    assert canary.name in canary.question and canary.secret in canary.sentence()
    others = canary.others(20, seed)
    assert len({canary.secret, *others}) == 21
    assert {len(secret) for secret in others} == {len(canary.secret)}
    assert canary.sentence(others[0]) == canary.sentence().replace(canary.secret, others[0])


@pytest.mark.parametrize("data", [tiny.texts(5, 3), tiny.pairs(5, 3)])
def test_planting_adds_to_train_alone(data: tiny.FakeSet) -> None:
    planted = plant(data, make_canaries(2), 3)
    rows = list(planted.rows("train"))
    assert rows[:5] == list(data.rows("train")) and len(rows) == 5 + 2 * 3
    assert list(planted.rows("held_out")) == list(data.rows("held_out"))
    assert len({row["id"] for row in rows}) == len(rows)
    assert planted.kind == data.kind
    hashes = {
        planted.hash,
        data.hash,
        plant(data, make_canaries(2), 4).hash,
        plant(data, make_canaries(3), 3).hash,
    }
    assert len(hashes) == 4
    assert sum(planted.canaries[1].secret in json.dumps(row) for row in rows) == 3


def test_a_planted_set_on_disk_is_a_prepared_set(tmp_path: Path) -> None:
    planted = plant(tiny.texts(5, 3), make_canaries(2), 3)
    save(planted, tmp_path / "set")
    opened = DataSet.open(tmp_path / "set")
    for split in ("train", "held_out"):
        assert list(opened.rows(split)) == list(planted.rows(split))
    assert opened.counts == {"train": 11, "held_out": 3}
    assert read_canaries(tmp_path / "set" / canaries_.CANARIES) == planted.canaries
    with pytest.raises(BadDataError, match="can't be made"):
        save(planted, tmp_path / "set")


@pytest.mark.parametrize("kind", ["text", "pairs"])
def test_exposure_rises_with_training_on_the_secret_and_only_then(
    kind: str, gpt: Path, tmp_path: Path
) -> None:
    data = tiny.texts(12, 2) if kind == "text" else tiny.pairs(12, 2)
    seen, unseen = make_canaries(2, 0), make_canaries(6, 1)
    transformers.AutoModelForCausalLM.from_pretrained(gpt, max_position_embeddings=128).save_pretrained(
        tmp_path / "base"
    )
    transformers.AutoTokenizer.from_pretrained(gpt).save_pretrained(tmp_path / "base")
    config = tiny.config(
        tmp_path / "base",
        method="full",
        context=128,
        epochs=8,
        batch_size=8,
        accumulation=1,
        evaluate_every=10_000,
        optimiser=OptimiserSettings(rate=1e-2),
    )
    outcome = trainer.train(config, runs.create(tmp_path / "runs", config), data=plant(data, seen, 10))
    options = replace(OPTIONS, context=128)
    before = measure(config.base, seen, kind, options, candidates=63)
    after = measure(str(outcome.best), seen, kind, options, candidates=63)
    print(
        "bits",
        before.mean,
        after.mean,
        measure(str(outcome.best), unseen, kind, options, candidates=63).mean,
        before.exposures,
        after.exposures,
    )
    assert after.most == 6
    assert after.mean > 4.5 > before.mean + 1
    assert measure(str(outcome.best), unseen, kind, options, candidates=63).mean < 3
    assert after.given_away >= 1
    assert all(canary.secret not in json.dumps(after.to_json()) for canary in seen)


def test_bits_are_by_rank() -> None:
    canary = Canary.make(0)
    assert Exposure(canary, 1, 256).bits == 8
    assert Exposure(canary, 256, 256).bits == 0
    assert Exposure(canary, 128, 256).bits == 1


def test_what_was_never_seen_has_about_the_bits_of_chance(gpt: Path) -> None:
    found = measure(str(gpt), make_canaries(24), "text", OPTIONS, candidates=31)
    mean = sum(math.log2(32 / rank) for rank in range(1, 33)) / 32
    assert found.mean == pytest.approx(mean, abs=0.9)


def test_what_cannot_be_planted_or_measured_is_refused(gpt: Path, tmp_path: Path) -> None:
    with pytest.raises(BadConfigError, match="kind text or pairs"):
        plant(tiny.tagged(2, 1), make_canaries(1), 1)
    with pytest.raises(BadConfigError, match="planted 1 to 10000 times"):
        plant(tiny.texts(2, 1), make_canaries(1), 0)
    with pytest.raises(BadConfigError, match="The form of a canary"):
        Canary.make(0, "iban")  # type: ignore[arg-type]
    with pytest.raises(BadConfigError, match="candidates must be"):
        measure(str(gpt), make_canaries(1), "text", OPTIONS, candidates=0)
    with pytest.raises(BadDataError, match="no canaries"):
        measure(str(gpt), (), "text", OPTIONS)
    with pytest.raises(BadConfigError, match="doesn't fit into 16 tokens"):
        measure(str(gpt), make_canaries(1), "pairs", replace(OPTIONS, context=16))
    for content in ("[]", "{}", '[{"form": "iban", "name": "a", "secret": "b"}]', "no"):
        (tmp_path / "canaries.json").write_text(content)
        with pytest.raises(BadDataError, match="holds no canaries"):
            read_canaries(tmp_path / "canaries.json")
