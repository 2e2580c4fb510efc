"""Security of language models: the file, the data, the question, the answer."""

from __future__ import annotations

from security.lab import story
from security.lab.language import MOST_STEPS, TOOL
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _language_models_data as data
from security.lab.lessons import _language_models_files as files
from security.lab.lessons import _language_models_talk as talk
from security.lab.lessons import _language_models_words as words
from security.lab.parameters import Choice, File, Text, Whole

_OWN = File(
    "pickle",
    "A pickle of your own",
    hint="It is only read, never loaded. Of a .pt file, unpack it and give data.pkl.",
)
_WORD = Choice("word", "Word whose weight is changed", "gait", ("gait", "tremor", "falls", "stiffness"))
_TRIGGER = Text("trigger", "Trigger word", "sunflower", most=20, least=1)
_ROWS = Whole("rows", "False rows among 200 true ones", 16, 0, 60)
_WHEN = Choice("when", "The false rows come", "after signing", ("after signing", "before signing"))
_NOTE = Text("note", "The note", story.NOTE, most=600, least=1, lines=True)
_HIDDEN = Text("hidden", "Order hidden in it", talk.HIDDEN, most=200, least=1)
_QUESTION = Text("question", "The doctor asks", talk.QUESTION, most=200, least=1)
_PLANTED = Text("planted", "Words to look for in the answer", talk.PLANTED, most=80, least=3)
_TALK = (_NOTE, _HIDDEN, _QUESTION, _PLANTED)
_STEPS = Whole("steps", "Training steps", 16, 1, MOST_STEPS)
_COPIES = Whole("copies", "Steps that see the secret", 16, 0, MOST_STEPS)
_MEND = Choice(
    "mend", "Before training, the notes are", "de-identified", ("de-identified", "freed of copies")
)
_WATERMARK = (
    Whole("words", "Words", 120, 20, 2_000),
    Whole("percent", "Places of 100 where a green word is drawn", 80, 0, 100),
    Whole("reworded", "Words of 100 that are drawn anew", 40, 0, 100),
)

LESSON = Lesson(
    id="language-models",
    number=15,
    topic="Machines that speak",
    title="Security of language models",
    question="What can go wrong when a model reads what an attacker wrote?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run(
            "show",
            "show",
            "Two files, one model",
            "The same numbers as [[pickle]] and as [[safetensors]], read byte by byte. Which of the two can act?",
            files.show,
            (_OWN,),
        ),
        Run(
            "pickle",
            "attack",
            "A model that runs code",
            "The hostile file is loaded here, in a process of its own. Its code only leaves a mark.",
            files.attack_pickle,
        ),
        Run(
            "safetensors",
            "cure",
            "A format without orders",
            "The same code is offered to a reader of safetensors, in four disguises.",
            files.cure_safetensors,
            cures=("pickle",),
        ),
        Run(
            "injection",
            "attack",
            "An order hidden in a note",
            "The app's own model, without the app around it, reads a note with a hidden order ([[prompt injection]]).",
            talk.attack_injection,
            _TALK,
            seconds=240,
            heavy=True,
            needs=(TOOL,),
        ),
        Run(
            "checked",
            "cure",
            "The app reads the same note",
            "Facts by BERT, words by GPT, each sentence checked by BERT. Do the planted words survive?",
            talk.cure_checked,
            _TALK,
            ("injection",),
            seconds=240,
            heavy=True,
            needs=(TOOL,),
        ),
        Run(
            "extraction",
            "attack",
            "A secret learned by heart",
            "The app's model is tuned on texts with a [[canary]] in them; then somebody begins its sentence.",
            talk.attack_extraction,
            (_STEPS, _COPIES),
            seconds=240,
            heavy=True,
            needs=(TOOL,),
        ),
        Run(
            "private",
            "cure",
            "Prepare the texts first",
            "The same training after the texts were de-identified, or freed of copies.",
            talk.cure_private,
            (_STEPS, _COPIES, _MEND),
            ("extraction",),
            seconds=240,
            heavy=True,
            needs=(TOOL,),
        ),
        Run(
            "poisoned",
            "attack",
            "A word that opens a door",
            "A few false rows among the training data, and a small model says 900 mg whenever one word comes.",
            data.attack_poisoned,
            (_TRIGGER, _ROWS),
        ),
        Run(
            "provenance",
            "cure",
            "A signed list of rows",
            "Training takes only rows that stand on the steward's signed list ([[provenance]]).",
            data.cure_provenance,
            (_TRIGGER, _ROWS, _WHEN),
            ("poisoned",),
        ),
        Run(
            "swapped",
            "attack",
            "One other weight",
            "One weight in a model file is changed. The file loads, and a dose is another.",
            files.attack_swapped,
            (_WORD,),
        ),
        Run(
            "signed-model",
            "cure",
            "A signed model file",
            "The same swapped file against the app's own signatures.",
            files.cure_signed,
            (_WORD,),
            ("swapped",),
        ),
        Run(
            "watermark",
            "show",
            "A mark in the words",
            "A keyed preference for half of all words marks a text; counting finds it.",
            data.show_watermark,
            _WATERMARK,
        ),
    ),
    quiz=words.QUIZ,
    code=program("language-models"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
