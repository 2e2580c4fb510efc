"""One object of JSON Lines or row of a table -> a document, by the keys it has.

Known: messages; ShareGPT conversations; prompt and completion; Alpaca's instruction, input and output;
question and answer; tokens and tags; text with or without a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from training.corpus.problems import BadRowError
from training.corpus.readers.tags import as_iob2
from training.corpus.records import Message, Record

PAIR_KEYS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("question", "answer"),
    ("input", "output"),
)
GROUP_KEYS = ("group", "patient_id", "subject_id", "document_id", "doc_id", "doc")
EXPECTED = (
    "text, text and label, prompt and completion, instruction and output, question and answer, messages, "
    "conversations, or tokens and tags"
)
_SHAREGPT = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
}
_LONGEST_CONVERSATION = 1_000


def has_shape(keys: Iterable[str]) -> bool:
    """Whether these keys say what a row is."""
    known = set(keys)
    return bool(known & {"text", "messages", "conversations"}) or any(
        set(pair) <= known for pair in (*PAIR_KEYS, ("tokens", "tags"))
    )


def document_of(fields: Mapping[str, Any], columns: Mapping[str, str]) -> Record:
    """The document in a row.

    Args:
        fields: the row.
        columns: which of its keys plays the role text, label, prompt, completion or group.

    Raises:
        BadRowError: it has no known shape, or what it holds can't be used.
    """
    named = {**fields, **{role: fields[key] for role, key in columns.items() if key in fields}}
    record = _shaped(named)
    for key in GROUP_KEYS:
        if named.get(key) not in (None, ""):
            return replace(record, group=f"{key}={named[key]}")
    return record


def _shaped(row: Mapping[str, Any]) -> Record:
    if "chosen" in row and "rejected" in row:
        raise BadRowError("holds preferences (chosen, rejected), which are not trained on here.")
    if "messages" in row:
        return _conversation(row["messages"], "role", "content", row.get("system"))
    if "conversations" in row:
        return _conversation(row["conversations"], "from", "value", row.get("system"))
    if "tokens" in row and "tags" in row:
        return _tagged(row["tokens"], row["tags"])
    for asked, answered in PAIR_KEYS:
        if asked in row and answered in row:
            return _pair(row, asked, answered)
    if "text" in row:
        text = _string(row["text"], "text")
        if "label" in row:
            return Record("labelled", text, label=_label(row["label"]))
        return Record("text", text)
    raise BadRowError(
        f"has the keys {', '.join(map(str, list(row)[:8])) or 'none'}; expected are {EXPECTED}."
    )


def _pair(row: Mapping[str, Any], asked: str, answered: str) -> Record:
    question = _string(row[asked], asked)
    extra = row.get("input") if asked == "instruction" else None
    if extra not in (None, ""):
        question = f"{question}\n\n{_string(extra, 'input')}"
    turns = [Message("user", question), Message("assistant", _string(row[answered], answered))]
    if row.get("system") not in (None, ""):
        turns.insert(0, Message("system", _string(row["system"], "system")))
    return Record("pairs", messages=tuple(turns))


def _conversation(turns: object, role_key: str, content_key: str, system: object) -> Record:
    if not isinstance(turns, list) or not 1 <= len(turns) <= _LONGEST_CONVERSATION:
        raise BadRowError("its conversation is not a list of turns.")
    messages = [_turn(turn, role_key, content_key) for turn in turns]
    if system not in (None, "") and messages[0].role != "system":
        messages.insert(0, Message("system", _string(system, "system")))
    if any(message.role == "system" for message in messages[1:]):
        raise BadRowError("a system turn stands in the middle of its conversation.")
    while messages and messages[-1].role != "assistant":
        messages.pop()  # a question that nobody answered teaches nothing
    if not any(message.role == "user" for message in messages):
        raise BadRowError("its conversation has no question that is answered.")
    return Record("pairs", messages=tuple(messages))


def _turn(turn: object, role_key: str, content_key: str) -> Message:
    if not isinstance(turn, dict):
        raise BadRowError("a turn of its conversation is not an object.")
    role = _SHAREGPT.get(str(turn.get(role_key)))
    if role is None:
        raise BadRowError(
            f"a turn has the {role_key} {str(turn.get(role_key))[:40]!r}; expected are "
            f"{', '.join(sorted(_SHAREGPT))}."
        )
    content = turn.get(content_key)
    if isinstance(content, list):
        kinds = [part.get("type") if isinstance(part, dict) else None for part in content]
        if any(kind != "text" for kind in kinds):
            raise BadRowError("a turn holds something other than text.")
        content = "\n".join(_string(part.get("text"), "text") for part in content)
    return Message(role, _string(content, content_key))


def _tagged(tokens: object, tags: object) -> Record:
    if not isinstance(tokens, list) or not isinstance(tags, list) or not tokens:
        raise BadRowError("tokens and tags must be lists that are not empty.")
    if len(tokens) != len(tags):
        raise BadRowError(f"has {len(tokens)} tokens and {len(tags)} tags; each token needs one tag.")
    if any(not isinstance(token, str) or not token.strip() for token in tokens):
        raise BadRowError("a token is blank or not text.")
    if any(not isinstance(tag, str) for tag in tags):
        raise BadRowError("a tag is not text. Write O, B-Disease, I-Disease and the like.")
    return Record("tagged", tokens=tuple(tokens), tags=as_iob2(tags))


def _label(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, str) and value.strip()):
        return str(value).strip()
    raise BadRowError("its label is missing, or not a word or whole number.")


def _string(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise BadRowError(f"{key} is not text.")
    if not value.strip():
        raise BadRowError(f"{key} is empty.")
    return value
