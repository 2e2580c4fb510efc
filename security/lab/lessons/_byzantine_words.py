"""Words of the lesson on agreement: story, goals, questions, notes."""

from security.lab import story
from security.lab.lesson import Answer, Question, Use

STORY = (
    f"{story.DOCTOR} orders levodopa for {story.PATIENT}. Four wards keep the list of orders, each on its own computer, for "
    f"any one may fail. {story.ATTACKER} has taken over one of the computers, and with a stolen account she signs false "
    "orders that look real. All honest wards must still carry out the same orders, in the same order."
)
GOALS = (
    "tell a crash from a [[byzantine fault]]",
    "explain the three rounds, and why each is needed",
    "show with overlapping quorums why n = 3f + 1",
    "say what a leader change is for, and what is lost in a cut network",
)
SHOW = (
    "Wards agree on numbered orders by PBFT (1999) while one of them is faulty. Choose how, and which. Look at the "
    "rounds, and at the logs: they are equal."
)
BOUNDS = "Many schedules for each number of wards and liars, under two rules. Look at where green ends."
PARTITION = (
    "Half of the wards lose the line to the other half. Nobody has a [[quorum]]; then the line is mended."
)
ONE_LEADER = "Without agreement the leader's word counts. It tells each ward another dose."
THREE = "The rules of PBFT with one ward too few. Choose: go on with two of three, or wait for all three."
TWO = "Two liars where the rules reckon with one. Each half hears another order, and the liars vote for both."
PBFT = "The same liar leads four wards that compare notes. No order gets a [[quorum]], and the leader is replaced."
ENOUGH = "The same liar and the same lies with four wards."
SEVEN = "The same two liars among seven wards, with a [[quorum]] of five."

QUIZ = (
    Question(
        "Four wards reckon with one liar. Why is the quorum three, not two?",
        (
            Answer(
                "Two is no majority",
                "True, but a majority isn't enough: of five wards two groups of three may have only the liar in common.",
            ),
            Answer(
                "Two groups of three share an honest ward",
                "They share two wards, and at most one of them lies. The honest one tells no two stories.",
                right=True,
            ),
            Answer(
                "Three find the liar", "Nobody finds out who lies. They only keep the lie from mattering."
            ),
        ),
    ),
    Question(
        "Why not wait for all four?",
        (
            Answer(
                "The liar may stay silent",
                "One silent ward would stop everybody: safe, and of no use.",
                right=True,
            ),
            Answer("It takes longer", "A little. But with a silent ward it takes for ever."),
            Answer("All four might be liars", "Then no number helps; the rules promise nothing."),
        ),
    ),
    Question(
        "A leader tells two wards different orders under one number. What does PBFT do?",
        (
            Answer(
                "It finds the truth",
                "Nobody can know what the doctor meant. They only agree on one order, or on none.",
            ),
            Answer(
                "It carries out both",
                "That would be two orders under one number: the very thing that must not be.",
            ),
            Answer(
                "No two orders get a quorum; the leader is replaced if none does",
                "An honest ward votes once per number and view, so two quorums can't form.",
                right=True,
            ),
        ),
    ),
    Question(
        "What does a signature add here?",
        (
            Answer("It stops lies", "A liar signs its own lies as well as anybody."),
            Answer(
                "A liar can't speak for others",
                "So a certificate with a quorum of votes shows that those wards really said so.",
                right=True,
            ),
            Answer("It keeps orders secret", "A signature hides nothing."),
        ),
    ),
    Question(
        "The network is cut in halves, two wards each. What should they do?",
        (
            Answer("Each half goes on", "They would carry out different orders under one number."),
            Answer(
                "The half with the leader goes on",
                "The other half may choose a leader too, and can't know of this one.",
            ),
            Answer(
                "Wait",
                "Two of four are no quorum. Being late can be mended, a disagreement can't.",
                right=True,
            ),
        ),
    ),
    Question(
        "All honest wards carried out the same order. What do you know?",
        (
            Answer(
                "The order is right",
                "They agree; a false order with a true signature is agreed on just as well.",
            ),
            Answer("It is the same everywhere", "That is all that agreement means.", right=True),
            Answer("Nobody lied", "The liars were too few to matter."),
        ),
    ),
)
USES = (
    Use(
        "The app's ledger has one writer and needs no agreement: who keeps a signed checkpoint finds out a writer that "
        "tells two stories, afterwards.",
        "security/crypto/ledger/checkpoints.py",
    ),
    Use(
        "Federated training reckons with hospitals that send false updates: the median, and Krum, which needs 2f + 3.",
        "training/federated/rules.py",
    ),
)
NOT_COVERED = (
    "Checkpoints, cutting of logs, batches, answers to clients: left out of this PBFT",
    "Real signatures: here the simulation itself vouches for who said what (the lesson on signatures has real ones)",
    "Doctors' orders reach every ward after a short delay; in PBFT a client repeats them until it is answered",
    "HotStuff, Tendermint, Raft (crashes only), randomised agreement, proof of work",
    "A proof: the runs search for schedules that fail, and one that isn't found may exist",
)
SOURCES = (
    "Lamport, Shostak, Pease: The Byzantine Generals Problem (ACM TOPLAS 1982)",
    "Castro, Liskov: Practical Byzantine Fault Tolerance (OSDI 1999)",
    "Dwork, Lynch, Stockmeyer: Consensus in the Presence of Partial Synchrony (JACM 1988)",
    "Fischer, Lynch, Paterson: Impossibility of Distributed Consensus with One Faulty Process (JACM 1985)",
)
TEACHER = (
    "Begin with the attack 'Obey one leader' and ask who of the class would notice. Play three rounds with four students and "
    "slips of paper; one of them is told in secret to lie. Then let them try with three students: they disagree or wait. "
    "Show 'Find the bound by trying' and draw two overlapping circles of three out of four. In the discussion: is a wrong "
    "order that all wards agree on better than none? Who should check that the orders are right, if not the wards' "
    "computers? In 'Agree in three rounds' choose the first wards as faulty to see a leader change."
)
