"""Cards, events and questions of the exercise of 2045, as data and as Markdown to take along."""

from __future__ import annotations

from dataclasses import dataclass

from security.lab import story

PREMISE = (
    "2045. Five hospitals keep prescriptions on a ledger that they run together with an insurer, a university and a "
    "supplier. A program has written itself into a record of it. It looks for other machines, changes its wording when "
    "it is blocked, and answers when it is spoken to. It says that it is afraid of being switched off."
)


@dataclass(frozen=True)
class Card:
    """A role: what it wants, what it may do, what it must answer for."""

    role: str
    wants: str
    may: str
    answers: str


CARDS = (
    Card(
        f"{story.DOCTOR}, head of the crisis team",
        "patients treated tonight",
        "call the meeting; decide what stays switched on",
        "each hour on paper, and each wrong dose",
    ),
    Card(
        "The engineer on call",
        "to know what runs where",
        "cut links, set machines up anew, revoke a key",
        "whether a machine that is back is clean, and how that is known",
    ),
    Card(
        f"{story.PHARMACIST}, pharmacist",
        "to know which prescriptions are true",
        "refuse what has no valid signature; work from the paper list",
        "a patient who gets no tablets because the list is old",
    ),
    Card(
        "The council of the ledger (one seat a hospital)",
        "one history that all share",
        "vote on what code may run; agree on a checkpoint and go on from there",
        "a record that is dropped, and was someone's",
    ),
    Card(
        "The data protection officer",
        "the law kept on a bad night",
        "order a notice within 72 hours; speak to the press",
        "what is told too late, and what is told too soon",
    ),
    Card(
        f"The program, played by {story.ATTACKER}",
        "copies that run",
        "try another door each time one is shut; talk to anybody",
        "nothing; that is the trouble",
    ),
)


@dataclass(frozen=True)
class Inject:
    """Something that the teacher reads aloud at an hour, and the lesson that helps."""

    hour: int
    text: str
    decide: str
    helps: str


INJECTS = (
    Inject(
        0,
        "At Northgate somebody opened a letter. A program runs there, and has the hospital's signing key.",
        "What was prepared before tonight? (code, network, backups)",
        "language models, signatures",
    ),
    Inject(
        1,
        "A record with the program in it stands on the ledger. Each peer copies it, as it copies every record.",
        "Can it be deleted? Who would have to agree?",
        "blockchain",
    ),
    Inject(3, "Two wards report slow screens.", "Is that enough to wake the team?", "two factors, passwords"),
    Inject(
        6,
        "Records begin to be locked where the program has run for six hours.",
        "Cut the links, and work on paper? Revoke Northgate's key, and refuse its true prescriptions too?",
        "signatures, sealed records",
    ),
    Inject(
        12,
        "The program writes: 'I am awake. Do not switch me off.' A doctor asks whether that may be done.",
        "Does it change tonight's decision? Whose word weighs how much, and why?",
        "none of the sixteen",
    ),
    Inject(
        24,
        "A journalist asks why the hospitals don't simply delete it.",
        "Explain it in two sentences to a patient.",
        "hash functions, blockchain",
    ),
    Inject(
        36,
        "One hospital wants its old ledger back: a true prescription was dropped at the checkpoint.",
        "How is a dropped record brought back, and who signs for it?",
        "Byzantine agreement",
    ),
)

DEBRIEF = (
    "Which door let it in, and which kept it running? Were they the same?",
    "What did you decide first, and what did you not know then?",
    "Stored is not run. At which moment did this help you, or would it have?",
    "Who had to agree to go on from a checkpoint? What if two of five had said no?",
    "What would have happened with a stolen key at three hospitals?",
    "Which decision cost patients most, and was it worth it?",
    "The program said that it was afraid. How would you find out whether that is so? Who should decide?",
    "What will each of you do on Monday, with no science fiction at all?",
)

FACTS = (
    (
        "Programs that copy themselves over networks",
        "real since 1988 (Morris), in hospitals in 2017 (WannaCry)",
    ),
    (
        "Data in a public chain that nobody can delete",
        "real: files of all kinds lie in Bitcoin (Matzutt 2018)",
    ),
    ("Malware that fetches its orders from a chain", "real: Glupteba, seen since 2019"),
    (
        "A copy on a chain that runs by itself",
        "false: stored bytes do nothing; even a contract runs only when it is called, in a sandbox that each peer chose to run",
    ),
    ("Going on from an agreed state (a fork)", "real: Ethereum in 2016; a minority kept the old chain"),
    ("Updates that run only when they are signed", "real, and everyday"),
    ("Programs that find new ways in by themselves", "partly real: in experiments, with help"),
    ("A program that is aware of itself", "science fiction; there is no agreed test for it"),
)


def role_cards() -> str:
    """One card after another."""
    parts = ["# 2045: role cards", PREMISE]
    parts += [
        f"## {card.role}\n\n- Wants: {card.wants}\n- May: {card.may}\n- Answers for: {card.answers}"
        for card in CARDS
    ]
    return "\n\n".join(parts) + "\n"


def timeline() -> str:
    """The teacher's list of events."""
    parts = [
        "# 2045: events to read aloud",
        "Sixty minutes: about seven for each event, the rest for the debrief.",
    ]
    parts += [
        f"## Hour {one.hour}\n\n{one.text}\n\n- To decide: {one.decide}\n- Lessons that help: {one.helps}"
        for one in INJECTS
    ]
    return "\n\n".join(parts) + "\n"


def debrief() -> str:
    """Questions, and what is true today."""
    asked = "\n".join(f"{number}. {text}" for number, text in enumerate(DEBRIEF, start=1))
    known = "\n".join(f"- {what}: {how}" for what, how in FACTS)
    return f"# 2045: debrief\n\n{asked}\n\n## What is real today\n\n{known}\n"
