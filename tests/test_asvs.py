"""docs/asvs.md is whole, says what it counts, and names tests that exist; code cites numbers that there are.

Does not: read the tests that it names. That they show what their row says is for people to judge.
"""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
# From OWASP_Application_Security_Verification_Standard_5.0.0_en.csv: numbers of these chapters, by level.
LEVEL_1 = """
    3.2.1 3.2.2 3.3.1 3.4.1 3.4.2 3.5.1 3.5.2 3.5.3 5.2.1 5.2.2 5.3.1 5.3.2 6.1.1 6.2.1 6.2.2 6.2.3
    6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.3.1 6.3.2 6.4.1 6.4.2 7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2 8.1.1
    8.2.1 8.2.2 8.3.1 9.1.1 9.1.2 9.1.3 9.2.1
"""
LEVEL_2 = """
    3.3.2 3.3.3 3.3.4 3.4.3 3.4.4 3.4.5 3.4.6 3.5.4 3.5.5 3.7.1 3.7.2 5.1.1 5.2.3 5.4.1 5.4.2 5.4.3
    6.1.2 6.1.3 6.2.9 6.2.10 6.2.11 6.2.12 6.3.3 6.3.4 6.4.3 6.4.4 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5
    6.6.1 6.6.2 6.6.3 6.8.1 6.8.2 6.8.3 6.8.4 7.1.1 7.1.2 7.1.3 7.3.1 7.3.2 7.4.3 7.4.4 7.4.5 7.5.1
    7.5.2 7.6.1 7.6.2 8.1.2 8.2.3 8.4.1 9.2.2 9.2.3 9.2.4
"""
LEVELS = {1: LEVEL_1.split(), 2: LEVEL_2.split()}
# How many requirements each section of each chapter has, of all levels: what a number in the code may be.
SECTIONS = {
    1: (2, 10, 12, 3, 3),
    2: (3, 3, 5, 2),
    3: (1, 3, 5, 8, 8, 1, 5),
    4: (5, 5, 2, 4),
    5: (1, 6, 3, 3),
    6: (3, 12, 8, 6, 8, 4, 2, 4),
    7: (3, 4, 2, 5, 3, 2),
    8: (4, 4, 3, 2),
    9: (3, 4),
    10: (2, 3, 5, 16, 5, 2, 3),
    11: (4, 5, 5, 4, 2, 2, 2),
    12: (5, 2, 5),
    13: (4, 6, 4, 7),
    14: (2, 8, 3),
    15: (5, 5, 7, 4),
    16: (1, 5, 4, 3, 4),
    17: (2, 8, 2),
}
NUMBERS = {
    f"{chapter}.{section}.{number}"
    for chapter, counts in SECTIONS.items()
    for section, count in enumerate(counts, 1)
    for number in range(1, count + 1)
}
LEAST_MET = 95.0
CITING = ("assistant", "security", "training", "ui", "tools", "tests", "docs", "app.py", "README.md")


@dataclass(frozen=True)
class Row:
    """A line of the tables."""

    number: str
    level: int
    wording: str
    status: str
    shown_by: tuple[str, ...]

    @property
    def met(self) -> bool:
        return re.match(r"met\b", self.status) is not None

    @property
    def applies(self) -> bool:
        return not self.status.startswith("n/a: ")


@functools.cache
def rows() -> tuple[Row, ...]:
    found = []
    for line in TEXT.splitlines():
        if re.match(r"\| \d", line):
            number, level, wording, status, tests = (cell.strip() for cell in line.strip("|").split(" | "))
            named = tuple(re.findall(r"`([^`]+)`", tests))
            assert "<br>".join(f"`{one}`" for one in named) == tests or tests == "-", line
            found.append(Row(number, int(level), wording, status, named))
    return tuple(found)


@functools.cache
def functions(path: str) -> frozenset[str]:
    """The tests of a file, as pytest would collect them."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_the_numbers_are_those_of_the_standard() -> None:
    assert len(NUMBERS) == 345
    listed = [*LEVELS[1], *LEVELS[2]]
    assert len(listed) == len(set(listed)) == 95
    assert set(listed) <= NUMBERS


def test_every_requirement_is_there_once_with_its_level() -> None:
    assert sorted((row.number, row.level) for row in rows()) == sorted(
        (number, level) for level, numbers in LEVELS.items() for number in numbers
    )


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.number)
def test_what_is_met_names_tests_that_exist_and_the_rest_says_why(row: Row) -> None:
    assert len(row.wording) > 10
    if row.met:
        assert row.shown_by, "met by what?"
        for named in row.shown_by:
            path, _, function = named.partition("::")
            assert function.startswith("test_"), named
            assert (ROOT / path).is_file(), named
            assert function in functions(path), named
    else:
        assert re.match(r"(n/a|not met): .{12,}", row.status), "why not?"
        assert row.shown_by == ()


def test_the_document_says_what_it_counts() -> None:
    applying = [row for row in rows() if row.applies]
    met = sum(row.met for row in applying)
    share = 100 * met / len(applying)
    assert share >= LEAST_MET
    assert (
        f"**{met} of the {len(applying)} requirements that apply are met ({share:.1f} percent)**, "
        f"{len(applying) - met} are not, and {len(rows()) - len(applying)} of {len(rows())} do not apply."
    ) in TEXT


def cited() -> list[tuple[str, str]]:
    """(file, number) for each number behind "ASVS 5.0", save in the tables themselves."""
    found = []
    for name in CITING:
        top = ROOT / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.suffix not in (".py", ".md", ".html", ".js", ".css") or path.name == "asvs.md":
                continue
            text = " ".join(path.read_text(encoding="utf-8").split())
            for after in re.findall(r"ASVS 5\.0,(.{0,140})", text):
                behind = re.split(r"\.\s|;|\bNIST\b|\bRFC\b|\bCWE\b", after)[0]
                numbers = re.findall(r"(?<![\d.])\d{1,2}\.\d{1,2}\.\d{1,2}(?![\d]|\.\d)", behind)
                found += [(str(path.relative_to(ROOT)), number) for number in numbers]
    return found


def test_numbers_that_the_code_cites_are_there() -> None:
    assert len(cited()) > 20
    assert [one for one in cited() if one[1] not in NUMBERS] == []
