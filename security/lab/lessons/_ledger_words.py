"""Words of lesson 8."""

from __future__ import annotations

from security.lab import story
from security.lab.lesson import Answer, Question

STORY = (
    f"{story.PATIENT} says who may see her record: the ward, the pharmacy, a study, and not the insurer. "
    f"Years later somebody asks what she said. {story.ATTACKER} has found the administrator's password of the "
    "database. A salesman says that a blockchain is the answer; Dr. Okafor asks what the question was."
)
GOALS = (
    "say what a [[hash chain]] finds and what it can't",
    "follow an [[inclusion proof]] up a [[merkle tree]]",
    "say why a [[checkpoint]] must lie with somebody else",
    "explain what [[proof of work]] buys, what it costs, and when a majority undoes it",
    "tell a database, a ledger with an owner, and an open blockchain apart",
)
QUIZ = (
    Question(
        "Mallory may write to the database and computes every hash of the chain anew. What finds her?",
        (
            Answer(
                "The hashes in the chain",
                "They all fit: she computed them herself, and a hash has no secret.",
            ),
            Answer("A trigger that forbids UPDATE", "Whoever owns the database drops the trigger first."),
            Answer(
                "A signed checkpoint that another hospital keeps",
                "The signed root belongs to the old history, and she can't sign a new one or reach the old one.",
                right=True,
            ),
            Answer(
                "A longer hash, such as SHA-512", "She needs no collision. She simply hashes other entries."
            ),
        ),
    ),
    Question(
        "How many hashes prove one entry of a tree with a million entries?",
        (
            Answer("About 20", "One for each level: 2 to the 20 is about a million.", right=True),
            Answer("A million", "That is computing the root anew; the proof exists to avoid it."),
            Answer("One", "The root alone doesn't say which entries are below it."),
        ),
    ),
    Question(
        "Is a blockchain a database?",
        (
            Answer("No, it has nothing to do with data", "It stores entries in order, and they can be read."),
            Answer(
                "It stores data, but what it adds is agreement on one history among strangers",
                "Without strangers who all may write, a database with a signed ledger does the same for less.",
                right=True,
            ),
            Answer(
                "Yes, and a faster one", "Each full node stores and checks everything; that makes it slow."
            ),
        ),
    ),
    Question(
        "What does proof of work protect?",
        (
            Answer("That an entry is true", "A lie is mined as easily as the truth."),
            Answer("That nobody can read the entries", "All of them are public; nothing is encrypted."),
            Answer(
                "That rewriting history costs as much power as writing it did",
                "And so it protects while the honest have more power than the attacker.",
                right=True,
            ),
        ),
    ),
    Question(
        "Mallory has 55 percent of the power. How many confirmations are safe?",
        (
            Answer("6", "That is the rule of thumb for an attacker with about 10 percent."),
            Answer("100", "Her chain grows faster on average, so she only needs more patience."),
            Answer(
                "No number is",
                "From one half on she catches up in the end, from however far behind.",
                right=True,
            ),
        ),
    ),
    Question(
        "Rosa wants her consent erased. What should have been written into the ledger?",
        (
            Answer(
                "Her name, encrypted with the ledger's key",
                "That key is needed for all the other entries too.",
            ),
            Answer(
                "A pseudonym whose key lies elsewhere and can be erased",
                "Then the entry stays and fits, and nobody can say whose it was.",
                right=True,
            ),
            Answer("The plain hash of her name", "Anybody can hash the names of all patients and compare."),
        ),
    ),
)
NOT_COVERED = (
    "Proof of stake, sharding, smart contracts, wallets",
    "Permissioned chains: their agreement is lesson 9's (PBFT)",
    "Who may write, and whether what was written is true",
    "Gossip among the keepers of checkpoints; a signer who shows each of them another history",
)
SOURCES = (
    "RFC 9162 (Certificate Transparency 2.0), section 2.1",
    "Haber, Stornetta 1991: How to Time-Stamp a Digital Document",
    "Nakamoto 2008: Bitcoin: A Peer-to-Peer Electronic Cash System, sections 4, 5 and 11",
    "Rosenfeld 2014: Analysis of Hashrate-Based Double Spending",
    "Regulation (EU) 2016/679 (GDPR), article 17",
    "Crosby, Wallach 2009: Efficient Data Structures for Tamper-Evident Logging",
)
TEACHER = (
    "Start with the plain table and let the class say how they would notice the UPDATE. Then run the chain, then the "
    "rewriting: most will have thought that the chain was enough. Ask who should keep the checkpoint, and why not the "
    "same administrator. For mining, add one bit at a time and have the class guess the tries. Discuss: which of the "
    "five hospitals distrusts which, and does that need a coin? A good end is the erasure: what must never be written "
    "into something that can't forget?"
)
