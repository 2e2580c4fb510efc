"""The example questions of the course, a fictional note for those that need one, and the empty page."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_NAME = "Sample note (a fictional patient)"
SAMPLE_NOTE = """\
Neurology clinic, follow-up.

A 67-year-old man with Parkinson's disease for four years. He reports a resting tremor, which began in \
the right hand and now affects both hands, and stiffness of the shoulders. Walking has become slower, with \
short steps. He denies falls, hallucinations and trouble swallowing. Sleep is poor and he has been \
constipated for months.

History of high blood pressure and of gout. His mother had dementia.

Medication: levodopa with carbidopa 100 mg three times a day, amlodipine 5 mg daily.

Examination: mild bradykinesia on both sides, rigidity of both wrists. On the pull test he recovers by \
himself. Blood pressure 132/78 mmHg.

Plan: continue levodopa, physiotherapy, review in six months. If he begins to fall, earlier."""


@dataclass(frozen=True)
class Example:
    """A question to try; `note` is what it reads, `hint` says what one will see."""

    question: str
    hint: str
    note: str = ""


EXAMPLES = (
    Example("What diseases are mentioned in this report?", "reads a sample note", SAMPLE_NOTE),
    Example("Classify the stage of Parkinson's from this note.", "reads a sample note", SAMPLE_NOTE),
    Example("Summarise this patient's history.", "reads a sample note", SAMPLE_NOTE),
    Example("Explain Parkinson's disease in simple terms.", "answers from the library"),
    Example("What are the early symptoms of Parkinson's?", "answers from the library"),
    Example("Highlight the key symptoms in this text.", "reads a sample note", SAMPLE_NOTE),
    Example("Chat with a patient.", "says hello and asks back"),
)


def welcome() -> str:
    """The page before the first question."""
    buttons = "".join(
        f'<button type="button" class="example" data-example="{index}"><span>{example.question}</span>'
        f"<small>{example.hint}</small></button>"
        for index, example in enumerate(EXAMPLES)
    )
    return (
        '<section class="welcome"><h2>Ask, or paste a note</h2>'
        "<p>One model marks the medical facts in your words. Another explains them, from a small library "
        "that it must cite. Each sentence is then checked, and what nothing supports is marked. "
        "All of it runs on this machine.</p>"
        f'<h3>Try one</h3><div class="examples">{buttons}</div></section>'
    )
