"""Words of the lesson on shares: story, goals, questions, notes."""

from security.lab import story
from security.lab.lesson import Answer, Question, Use

STORY = (
    f"Levodopa has a side effect that nobody knows well, and {story.DOCTOR} wants to know how often it came in the city's "
    "hospitals. None of them may show its own number: with so few patients a number can point at a person, perhaps at "
    f"{story.PATIENT}. There is nobody whom all hospitals trust. They compute the sum together, by "
    "[[multi-party computation]]."
)
GOALS = (
    "share a number by [[additive sharing]] and by [[shamir sharing]], and say how many shares tell nothing",
    "compute sums and products of shared numbers",
    "explain a [[garbled circuit]] and [[oblivious transfer]] in a few sentences",
    "say what the result itself gives away, and what bad random numbers do",
)
SUM = "Three hospitals add up their cases. Look at who sees what: random numbers, and the sum."
SHAMIR = "A key is cut so that any k of n holders find it, and fewer know nothing. First on a small curve, then with a real key."
BEAVER = "Shared numbers are multiplied with a [[beaver triple]] from a trusted dealer."
COMPARE = (
    "Yao's millionaires as hospitals: who has more cases? A [[garbled circuit]] and [[oblivious transfer]], spelled out to "
    "be seen."
)
APP_SUM = (
    "The same sum by the app's own module, which hides numbers under noise that cancels (Bonawitz 2017)."
)
COLLUDE = "Two of four hospitals put their shares together. That tells nothing, unless the random numbers were bad. Choose how."
FORGED = "One hospital hands in a false share and moves the sum by just as much as it likes."
SMALL = "The curve's coefficients were drawn from a few bits. One holder too few finds the key and reads the note."
FRESH = "The same two try the same on random numbers that are fresh each week."
VERIFIABLE = "The same false share, with commitments published before. Its maker is named. Try Feldman's on small numbers too."
UNIFORM = "The same guessing, with coefficients from the whole field."

QUIZ = (
    Question(
        "A secret is in three additive shares. You have two. What do you know of it?",
        (
            Answer("Two thirds", "Shares aren't pieces of the secret: each two are just random numbers."),
            Answer(
                "Nothing",
                "For each secret there is one third share that fits, all equally likely.",
                right=True,
            ),
            Answer(
                "Nothing yet, but a faster computer would",
                "There is nothing to compute: all secrets fit equally well.",
            ),
        ),
    ),
    Question(
        "Three hospitals compute their sum. Two of them collude. What can they know of the third's number?",
        (
            Answer("Nothing", "The shares say nothing, but the result does."),
            Answer(
                "Only if they break the prime",
                "A prime isn't broken; it only says where to begin again at 0.",
            ),
            Answer(
                "All of it",
                "They take their own numbers from the sum. No protocol can hide that.",
                right=True,
            ),
        ),
    ),
    Question(
        "Why is a curve of degree 2 right for 'any three of five'?",
        (
            Answer(
                "It goes through five points",
                "It does, but that isn't why: each curve goes through many points.",
            ),
            Answer(
                "Three points fix it, two leave every value at 0 open",
                "A curve of degree k − 1 is fixed by k points.",
                right=True,
            ),
            Answer(
                "A square root can't be taken mod a prime", "Often it can, and nothing here depends on it."
            ),
        ),
    ),
    Question(
        "Just k shares come together, one of them false. What does Shamir's scheme by itself do?",
        (
            Answer(
                "Nothing: the result is wrong, by as much as the liar likes", "Hence commitments.", right=True
            ),
            Answer(
                "It finds it, for the curve doesn't fit",
                "With just k shares a curve always fits; k + 1 would show that one is false.",
            ),
            Answer("It stops with an error", "Any k numbers give a result; nothing shows that it is wrong."),
        ),
    ),
    Question(
        "In the garbled circuit, why must the second hospital take its labels by oblivious transfer?",
        (
            Answer("Labels are too long to send", "They have 16 bytes."),
            Answer(
                "To ask for them would tell its number, and to have both labels would open more rows",
                "Neither may happen, and oblivious transfer prevents both.",
                right=True,
            ),
            Answer(
                "To encrypt the connection", "That is needed too, but the danger here is the other hospital."
            ),
        ),
    ),
    Question(
        "Why did Feldman's commitments give the number of cases away?",
        (
            Answer("The curve of Ed25519 is weak", "It isn't: a long random number stays hidden."),
            Answer("The commitments weren't encrypted", "They are meant to be public."),
            Answer(
                "There are few possible numbers, and each can be tried",
                "Pedersen's add a random part.",
                right=True,
            ),
        ),
    ),
)
USES = (
    Use("The app's own secure sum, by noise that cancels in pairs.", "security/crypto/secure_sum.py"),
    Use(
        "Hospitals that train a model together send their updates through it.", "training/federated/secure.py"
    ),
)
NOT_COVERED = (
    "Liars in the computation itself (SPDZ, authenticated garbling): but for the checked shares all are honest but curious",
    "Triples without a dealer; circuits larger than a comparison; other gates",
    "Dealers who hand out shares of no common curve: commitments show that too, but nobody tries it here",
    "A collector that hands out keys of its own: hospitals must know each other's true keys, say by signatures",
    "Parties that drop out, and how a sum survives it",
    "What results give away over time: see the lessons on anonymity and on differential privacy",
    "Text shares for people to write down (SLIP-39)",
)
SOURCES = (
    "Shamir: How to Share a Secret (CACM 1979)",
    "Yao: Protocols for Secure Computations (FOCS 1982), the millionaires",
    "Yao: How to Generate and Exchange Secrets (FOCS 1986)",
    "Feldman: A Practical Scheme for Non-interactive Verifiable Secret Sharing (FOCS 1987)",
    "Ben-Or, Goldwasser, Wigderson: Completeness Theorems for Non-Cryptographic Fault-Tolerant Distributed Computation (STOC 1988)",
    "Beaver: Efficient Multiparty Protocols Using Circuit Randomization (CRYPTO 1991)",
    "Pedersen: Non-Interactive and Information-Theoretic Secure Verifiable Secret Sharing (CRYPTO 1991)",
    "Tompa, Woll: How to Share a Secret with Cheaters (Journal of Cryptology 1988)",
    "Kolesnikov, Schneider: Improved Garbled Circuit: Free XOR Gates and Applications (ICALP 2008)",
    "Chou, Orlandi: The Simplest Protocol for Oblivious Transfer (LATINCRYPT 2015)",
    "Bonawitz et al.: Practical Secure Aggregation for Privacy-Preserving Machine Learning (CCS 2017)",
)
TEACHER = (
    "Begin without a computer: three students each think of a small number, write it as a sum of three numbers mod 100, hand "
    "two slips on, and add up. Then run 'Add up without showing' and ask what two of them could find out together (all, by "
    "the result). In 'Any three of five' the flat columns are the proof that two shares say nothing. Let them lie in 'Hand "
    "in a false share' with a shift of their own. For the discussion: which results would you allow, if each result tells "
    "something? Who should be the dealer of the triples?"
)
