"""From files to a data set and back: the whole way, its promises, and what it refuses."""

import json
import random
import shutil
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.corpus.makers import NOTE, a_docx, a_pdf, a_zip, jsonl, text_set, texts, words
from training.corpus import (
    DataSet,
    EmptySetError,
    Extras,
    PrepareSettings,
    Progress,
    QualityLimits,
    Report,
    prepare,
)
from training.corpus.duplicates import similarity
from training.errors import BadConfigError, BadDataError

LIMITS = QualityLimits(languages=())
PLAIN = PrepareSettings(limits=LIMITS)


def kept(folder: Path) -> dict[str, list[str]]:
    data = DataSet.open(folder)
    return {split: [row["text"] for row in data.rows(split)] for split in ("train", "held_out")}


def test_a_folder_of_everything_becomes_one_set(tmp_path: Path) -> None:
    given_ = tmp_path / "given"
    given_.mkdir()
    body = texts(1, 20)
    (given_ / "a.txt").write_text(body[0])
    (given_ / "b.md").write_text(body[1])
    (given_ / "c.html").write_text(f"<p>{body[2]}</p>")
    (given_ / "d.pdf").write_bytes(a_pdf(body[3][:60]))
    (given_ / "e.docx").write_bytes(a_docx([body[4]]))
    (given_ / "f.csv").write_text("text\n" + "\n".join(body[5:10]))
    (given_ / "g.zip").write_bytes(
        a_zip({"in/h.txt": body[10].encode(), "i.jsonl": b'{"text": "%s"}' % body[11].encode()})
    )
    (given_ / "model.bin").write_bytes(b"x")
    text_set(given_ / "j.jsonl", [*body[12:], body[12].upper(), "x"])
    steps: list[Progress] = []
    report = prepare([given_], tmp_path / "set", PLAIN, steps.append, Extras(now=lambda: 1_700_000_000.0))

    data = DataSet.open(tmp_path / "set")
    assert (data.name, data.kind, data.counts) == ("set", "text", {"train": 18, "held_out": 2})
    rows = [row for split in ("train", "held_out") for row in data.rows(split)]
    assert {row["source"].partition("/")[2] for row in rows} == {
        *("a.txt", "b.md", "c.html", "d.pdf", "e.docx", "f.csv"),
        *("g.zip/in/h.txt", "g.zip/i.jsonl", "j.jsonl"),
    }
    assert all(set(row) == {"id", "source", "text"} for row in rows)
    assert [(step.step, step.documents) for step in report.funnel] == [
        ("reading", 22),
        ("repair", 22),
        ("boilerplate", 22),
        ("quality", 21),
        ("exact duplicates", 20),
        ("near duplicates", 20),
    ]
    assert report.reasons == {"too short": 1, "exact duplicate": 1}
    assert [problem.source for problem in report.problems] == ["given/model.bin"]
    assert Report.open(tmp_path / "set") == report
    assert json.loads((tmp_path / "set/dataset.json").read_text())["created"] == "2023-11-14T22:13:20+00:00"
    assert {step.step for step in steps} >= {"reading", "cleaning", "duplicates", "writing"}
    assert sum(report.lengths.counts) == 20
    assert {path.name for path in tmp_path.iterdir()} == {"given", "set"}


def test_pairs_tags_and_labels_keep_their_shape(tmp_path: Path) -> None:
    rng = random.Random(1)
    rows: Mapping[str, list[dict[str, object]]] = {
        "pairs": [{"question": text, "answer": text[::-1]} for text in texts(3, 12)],
        "labelled": [{"text": text, "label": rng.randint(0, 1)} for text in texts(4, 12)],
        "tagged": [{"tokens": text.split(), "tags": ["B-X", *["O"] * 59]} for text in texts(5, 12)],
    }
    for kind, given_ in rows.items():
        report = prepare([jsonl(tmp_path / f"{kind}.jsonl", given_)], tmp_path / kind, PLAIN)
        data = DataSet.open(tmp_path / kind)
        assert (report.kind, data.kind, data.counts) == (kind, kind, {"train": 11, "held_out": 1})
        row = next(data.rows("train"))
        assert set(row) - {"id", "source"} <= {"messages", "text", "label", "tokens", "tags"}
        # What was prepared can be prepared again.
        again = prepare([tmp_path / kind / "train.jsonl"], tmp_path / f"{kind}-2", PLAIN)
        assert sum(again.counts.values()) == 11


def test_kinds_do_not_mix_unless_only_the_words_are_wanted(tmp_path: Path) -> None:
    pairs = jsonl(tmp_path / "a.jsonl", [{"question": text, "answer": "Yes."} for text in texts(1, 5)])
    plain = text_set(tmp_path / "b.jsonl", texts(2, 5))
    with pytest.raises(BadDataError, match=r"b\.jsonl holds text, and the files before it hold pairs"):
        prepare([pairs, plain], tmp_path / "set", PLAIN)
    prepare([pairs, plain], tmp_path / "set", replace(PLAIN, kind="text"))
    assert sum(DataSet.open(tmp_path / "set").counts.values()) == 10
    report = prepare([pairs, plain], tmp_path / "pairs", replace(PLAIN, kind="pairs"))
    assert "to hold pairs" in str(report.problems[0])
    assert sum(report.counts.values()) == 5


def test_a_source_that_turns_out_bad_leaves_no_trace(tmp_path: Path) -> None:
    good = text_set(tmp_path / "b.jsonl", texts(1, 10))
    bad = tmp_path / "a.csv"
    bad.write_text("text\n" + "\n".join(texts(2, 10)) + '\n"never closed\n')
    report = prepare([bad, good], tmp_path / "set", PLAIN)
    prepare([good], tmp_path / "alone", PLAIN)
    assert DataSet.open(tmp_path / "set").hash == DataSet.open(tmp_path / "alone").hash
    assert report.problems[0].source == "a.csv"
    assert "quote" in report.problems[0].reason
    assert report.funnel[0].documents == 10


def test_what_was_removed_can_be_kept_anyway(tmp_path: Path) -> None:
    body = texts(1, 10)
    given_ = text_set(tmp_path / "a.jsonl", [*body, body[0].upper(), body[1] + " more words here", "Burn."])
    first = prepare([given_], tmp_path / "first", PLAIN)
    removed = list(DataSet.open(tmp_path / "first").removed())
    assert sorted(row["step"] for row in removed) == ["exact duplicate", "near duplicate", "quality"]
    assert {sample.id for sample in first.samples} == {row["id"] for row in removed}
    settings = replace(PLAIN, keep=frozenset(row["id"] for row in removed))
    second = prepare([given_], tmp_path / "second", settings)
    assert sum(second.counts.values()) == 13
    assert second.reasons == {}
    sides = kept(tmp_path / "second")
    for twins in ([body[0], body[0].upper()], [body[1], body[1] + " more words here"]):
        assert any(set(twins) <= set(side) for side in sides.values())


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 50))
def test_nothing_leaks_and_order_does_not_count(shape: int, seed: int) -> None:
    rng = random.Random(shape)
    documents = texts(shape, 6, 30)
    for _ in range(14):
        changed = rng.choice(documents).split()
        for at in rng.sample(range(len(changed)), rng.randint(0, 5)):
            changed[at] = words(rng, 1)[0]
        documents.append(" ".join(changed))
    options = replace(PLAIN, seed=seed, near=rng.random() < 0.5, exact=rng.random() < 0.5, held_out=0.3)
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            prepare([text_set(folder / "a.jsonl", documents)], folder / "one", options)
        except BadDataError as error:
            assert "held out" in str(error)
            return
        sides = kept(folder / "one")
        for text in sides["held_out"]:
            assert max(similarity(text, other) for other in sides["train"]) < 0.7
        rng.shuffle(documents)
        half = len(documents) // 2
        given_ = [
            text_set(folder / "y.jsonl", documents[half:]),
            text_set(folder / "b.jsonl", documents[:half]),
        ]
        prepare(given_, folder / "two", options)
        again = kept(folder / "two")
        assert {split: sorted(side) for split, side in again.items()} == {
            split: sorted(side) for split, side in sides.items()
        }


def test_the_same_files_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    paths = [text_set(tmp_path / f"{number}.jsonl", texts(number, 8)) for number in range(4)]
    prepare(paths, tmp_path / "one", PLAIN)
    prepare(paths[::-1], tmp_path / "two", PLAIN)
    prepare(paths, tmp_path / "other", replace(PLAIN, seed=1))
    assert DataSet.open(tmp_path / "one").hash == DataSet.open(tmp_path / "two").hash
    assert DataSet.open(tmp_path / "one").hash != DataSet.open(tmp_path / "other").hash


def test_patients_stay_on_one_side(tmp_path: Path) -> None:
    rows = [{"text": text, "patient_id": number // 5} for number, text in enumerate(texts(1, 60))]
    prepare([jsonl(tmp_path / "a.jsonl", rows)], tmp_path / "set", replace(PLAIN, held_out=0.2))
    sides = kept(tmp_path / "set")
    patient = {row["text"]: row["patient_id"] for row in rows}
    assert len(sides["held_out"]) == 10
    assert not {patient[text] for text in sides["train"]} & {patient[text] for text in sides["held_out"]}


def test_one_long_text_is_cut_and_its_owner_is_told(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("\n\n".join(texts(1, 40)))
    report = prepare([tmp_path / "book.txt"], tmp_path / "set", replace(PLAIN, longest=1000))
    assert report.counts["held_out"] > 0
    assert "parts" in report.notes[0]
    assert "both sides" in report.notes[1]


def test_boilerplate_is_named_in_the_report(tmp_path: Path) -> None:
    footer = "Copyright General Hospital, all rights reserved."
    given_ = text_set(tmp_path / "a.jsonl", [f"{text}\n{footer}" for text in texts(1, 10)])
    report = prepare([given_], tmp_path / "set", PLAIN)
    assert report.boilerplate == {footer: 10}
    assert footer not in json.dumps(kept(tmp_path / "set"))
    prepare([given_], tmp_path / "off", replace(PLAIN, boilerplate=False))
    assert footer in json.dumps(kept(tmp_path / "off"))


def test_identifiers_never_reach_the_folder(tmp_path: Path) -> None:
    def masked(text: str) -> tuple[str, dict[str, int]]:
        return text.replace("Ms Doe", "[NAME]"), {"name": text.count("Ms Doe")}

    body = [f"Ms Doe was seen. {text}" for text in texts(1, 10)]
    given_ = text_set(tmp_path / "a.jsonl", [*body, body[0], "Ms Doe"])
    extras = Extras(deidentify=masked, count_tokens=len)
    report = prepare([given_], tmp_path / "set", PLAIN, extras=extras)
    assert report.phi == {"name": 12}
    assert report.lengths.unit == "tokens"
    assert all("Doe" not in path.read_text() for path in (tmp_path / "set").iterdir())


def test_an_existing_name_is_refused_and_left_alone(tmp_path: Path) -> None:
    given_ = text_set(tmp_path / "a.jsonl", texts(1, 5))
    (tmp_path / "set").mkdir()
    with pytest.raises(BadDataError, match="There is a set already"):
        prepare([given_], tmp_path / "set", PLAIN)
    assert not list((tmp_path / "set").iterdir())


def test_the_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    given_ = text_set(tmp_path / "a.jsonl", texts(1, 5))

    def stop(progress: Progress) -> None:
        if progress.step == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([given_], tmp_path / "set", PLAIN, stop)
    assert list(tmp_path.iterdir()) == [given_]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    given_ = text_set(tmp_path / "a.jsonl", texts(1, 5))
    with pytest.raises(BadDataError, match="set can't be written"):
        prepare([given_], given_ / "set", PLAIN)


def test_a_set_with_nothing_left_is_an_error_with_its_funnel(tmp_path: Path) -> None:
    given_ = text_set(tmp_path / "a.jsonl", ["x", "y"])
    with pytest.raises(EmptySetError, match=r"2 after reading.*0 after quality.*too short: 2") as caught:
        prepare([given_], tmp_path / "set", PLAIN)
    assert len(caught.value.report.samples) == 2
    assert list(tmp_path.iterdir()) == [given_]


def test_nothing_to_read_is_an_error_that_names_the_files(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(BadDataError, match=r"No document could be read. model\.pkl: .*run code"):
        prepare([tmp_path / "model.pkl"], tmp_path / "set", PLAIN)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadDataError, match="holds no file"):
        prepare([tmp_path / "empty"], tmp_path / "set", PLAIN)


def test_one_document_alone_cannot_be_held_out(tmp_path: Path) -> None:
    given_ = text_set(tmp_path / "a.jsonl", [NOTE])
    with pytest.raises(BadDataError, match="held_out 0"):
        prepare([given_], tmp_path / "set", PLAIN)
    prepare([given_], tmp_path / "set", replace(PLAIN, held_out=0))
    assert DataSet.open(tmp_path / "set").counts == {"train": 1, "held_out": 0}


def test_a_set_that_was_touched_does_not_open(tmp_path: Path) -> None:
    prepare([text_set(tmp_path / "a.jsonl", texts(1, 5))], tmp_path / "set", PLAIN)
    train = tmp_path / "set" / "train.jsonl"
    train.write_bytes(train.read_bytes().replace(b"a", b"e", 1))
    with pytest.raises(BadDataError, match="changed after it was prepared"):
        DataSet.open(tmp_path / "set")
    with pytest.raises(BadDataError, match="no prepared data set"):
        DataSet.open(tmp_path)
    with pytest.raises(BadDataError, match="not 'test'"):
        DataSet(tmp_path, "x", "text", "", {}).rows("test")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"kind": "poems"}, "kind must be auto or one of"),
        ({"held_out": 0.6}, "held_out must be a number from 0 to 0.5; it is 0.6"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"longest": 10}, "longest must be"),
        (
            {"near_similarity": 0.55, "split_similarity": 0.6},
            "split_similarity must be a number from 0.5 to 0.55",
        ),
        ({"columns": {"title": "x"}}, "'title' is none of them"),
        ({"keep": frozenset({"x"})}, "16 hexadecimal digits"),
    ],
)
def test_an_option_out_of_range_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(BadConfigError, match=named):
        PrepareSettings(**options)  # type: ignore[arg-type]
    with pytest.raises(BadConfigError, match="'xx' is not"):
        QualityLimits(languages=("xx",))


def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    peaks = []
    for megabytes in (2, 20):
        rng = random.Random(megabytes)
        path = tmp_path / f"{megabytes}.jsonl"
        with path.open("w") as handle:
            for _ in range(megabytes * 50):
                text = " ".join(rng.randbytes(30).hex() for _ in range(330))
                handle.write(json.dumps({"text": text}) + "\n")
        tracemalloc.start()
        try:
            report = prepare([path], tmp_path / "set", PLAIN)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert report.bytes_read > megabytes * 1_000_000
        assert sum(report.counts.values()) == megabytes * 50
        shutil.rmtree(tmp_path / "set")
    assert peaks[1] < 1.3 * peaks[0]
    assert peaks[1] < 20_000_000
