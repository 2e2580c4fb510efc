"""Every kind of entry that the code writes has words, and no words are for a kind that nothing writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from security.accounts.trail_words import WORDS

ROOT = Path(__file__).parent.parent.parent.parent
# Who has a method `note` that writes into the trail; others of this name write elsewhere.
_TRAIL = re.compile(r"(^|[._])trail$|^Trail\.open\(.*\)$|^self$")
_WRITES = {"note", "_note"}


@dataclass
class Written(ast.NodeVisitor):
    """The kinds that a module gives to `note`, through a parameter of a function as well."""

    tree: ast.Module
    around: list[ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.around.append(node)
        self.generic_visit(node)
        self.around.pop()

    def visit_Call(self, node: ast.Call) -> None:
        if called(node) in _WRITES and node.args and self.is_trail(node.func):
            self.kinds.update(self.texts(node.args[0]))
        self.generic_visit(node)

    def is_trail(self, function: ast.expr) -> bool:
        return isinstance(function, ast.Attribute) and bool(_TRAIL.search(ast.unparse(function.value)))

    def texts(self, given: ast.expr) -> Iterator[str]:
        if isinstance(given, ast.Constant):
            yield str(given.value)
        elif isinstance(given, ast.Name):
            for node in self.tree.body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == given.id:
                    yield from self.texts(node.value)
            if self.around:
                yield from self.handed(self.around[-1], given.id)

    def handed(self, function: ast.FunctionDef | ast.AsyncFunctionDef, parameter: str) -> Iterator[str]:
        names = [one.arg for one in function.args.args if one.arg != "self"]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and called(node) == function.name and parameter in names:
                for one in node.args[names.index(parameter) :][:1]:
                    if isinstance(one, ast.Constant):
                        yield str(one.value)


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def written() -> set[str]:
    found: set[str] = set()
    for folder in ("security", "training", "assistant"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            found |= of(file.read_text(encoding="utf-8"))
    return found | of((ROOT / "app.py").read_text(encoding="utf-8"))


def of(source: str) -> set[str]:
    tree = ast.parse(source)
    reader = Written(tree)
    reader.visit(tree)
    return reader.kinds


def test_the_reader_finds_kinds_however_they_are_given() -> None:
    source = """
KIND = "by-name"
def do(kind):
    trail.note(kind, user, now)
do("by-hand")
class A:
    def b(self):
        self._trail.note(KIND, user, now)
        Trail.open(engine).note("plain", user, now, {})
        views.note("no kind")
"""
    assert of(source) == {"by-name", "by-hand", "plain"}


def test_every_kind_that_is_written_has_its_words_and_none_is_left_over() -> None:
    found = written()
    assert {"sign-in", "role-changed", "passkey-clone-suspected", "model-deleted"} <= found
    assert found == set(WORDS)
