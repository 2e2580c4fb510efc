"""Words of the lesson on zero-knowledge proofs: questions, goals, notes."""

from __future__ import annotations

from security.lab import story
from security.lab.lesson import Answer, Question, Use

STORY = (
    f"{story.PHARMACIST} sells a sleeping tablet to adults only. {story.STUDENT} is 22 and can show her identity card, but "
    "then the till has her birth date, and with it half of what a thief needs to be her. She wants to prove one sentence, "
    f"“I am at least 18”, and nothing else. {story.ATTACKER} helps a boy of 17 to get the tablets."
)

GOALS = (
    "say what completeness, soundness and zero knowledge promise, and to whom",
    "follow Schnorr's proof: commit, challenge, response, check",
    "explain why a simulator shows that nothing is learned",
    "turn a conversation into a proof by a hash, and say what must be hashed",
    "prove that a hidden number lies in a range",
    "name three ways in which correct mathematics is used wrongly",
)

QUIZ = (
    Question(
        "Tom checked Lena's age proof. What does he know of her birthday?",
        (
            Answer(
                "Its year, but not the day",
                "The box hides the whole number, and the proof only says that a difference isn't negative.",
            ),
            Answer(
                "Only that it isn't later than the cutoff",
                "All he saw could have been made up without the day, but for this one fact.",
                right=True,
            ),
            Answer(
                "All of it, after enough computing",
                "A Pedersen box hides the value whatever the computing power: for every day there is a blinding that fits.",
            ),
        ),
    ),
    Question(
        "Why can a recorded Schnorr conversation not prove anything to a third person?",
        (
            Answer(
                "Anybody can make up such a recording without the secret",
                "The simulator chooses challenge and response first. Only who asked the question live knows that it wasn't so.",
                right=True,
            ),
            Answer(
                "The recording might have a transmission error",
                "The check would show that; it isn't the reason.",
            ),
            Answer(
                "The third person lacks the secret key",
                "Nobody needs a secret to check the equation; it holds for the recording too.",
            ),
        ),
    ),
    Question(
        "Lena's phone uses the same nonce in two proofs. What follows?",
        (
            Answer(
                "Nothing, as long as the nonce stays secret",
                "The two answers are two equations in two unknowns: both come out.",
            ),
            Answer(
                "The two proofs can be told to be from one phone",
                "That too, but it is by far the smaller harm.",
            ),
            Answer(
                "Everybody can work out her secret",
                "Subtract the answers, divide by the difference of the challenges.",
                right=True,
            ),
        ),
    ),
    Question(
        "A cave with two ways is played for 20 rounds. With what chance does a liar pass?",
        (
            Answer("1 in 20", "The rounds multiply: a liar must guess right each time."),
            Answer("1 in 40", "Chances of rounds in a row multiply; they don't add up."),
            Answer("About 1 in a million", "One half, twenty times: 1 in 1,048,576.", right=True),
        ),
    ),
    Question(
        "What must go into the hash that takes the verifier's place?",
        (
            Answer(
                "The commitment",
                "That alone lets Mallory choose the statement afterwards, to fit: see the attack.",
            ),
            Answer(
                "The statement, the commitment, and what the proof is for",
                "What is left out can be chosen after the challenge is known, or swapped later.",
                right=True,
            ),
            Answer(
                "The secret", "Then nobody could check the hash; and it would be one more place for a leak."
            ),
        ),
    ),
    Question(
        "The boy of 17 sends bytes that Lena's phone made last week. What stops him?",
        (
            Answer(
                "Soundness of the range proof",
                "The proof is correct, and of a true statement: about Lena. Soundness doesn't say who sends it.",
            ),
            Answer(
                "A fresh number of Tom's and the holder's key in the proof",
                "The old proof is for an old number, and a new one needs the secret in Lena's phone.",
                right=True,
            ),
            Answer(
                "Encrypting the line to the counter", "He is at the counter himself: the line ends with him."
            ),
        ),
    ),
)

USES = (
    Use(
        "Ed25519, by which this app signs its models and its ledger, is Schnorr's proof made into a signature: the message is in the hash.",
        "security/crypto/signatures.py",
    ),
    Use(
        "A signature is made for one purpose: a model version is signed under a context of its own.",
        "training/version.py",
    ),
)

NOT_COVERED = (
    "Verifiers who choose their questions to learn something: Schnorr's proof is zero-knowledge for honest verifiers",
    "Proofs of whole programs: SNARKs, STARKs, Bulletproofs",
    "Showing one credential twice without being recognised: the commitment and the holder's key are the same each time (BBS signatures, Idemix)",
    "A helper who passes the questions on, live, to a real adult's phone; and a phone that is lent",
    "Revoking a credential",
    "Quantum computers: Shor's algorithm finds the secret of every key in this lesson",
)

SOURCES = (
    "Goldwasser, Micali and Rackoff, The knowledge complexity of interactive proof systems, STOC 1985",
    "Goldreich, Micali and Wigderson, Proofs that yield nothing but their validity, FOCS 1986",
    "Quisquater and others, How to explain zero-knowledge protocols to your children, CRYPTO 1989",
    "Schnorr, Efficient signature generation by smart cards, Journal of Cryptology 4, 1991",
    "Fiat and Shamir, How to prove yourself, CRYPTO 1986",
    "Pedersen, Non-interactive and information-theoretic secure verifiable secret sharing, CRYPTO 1991",
    "Cramer, Damgård and Schoenmakers, Proofs of partial knowledge, CRYPTO 1994",
    "Bernhard, Pereira and Warinschi, How not to prove yourself, ASIACRYPT 2012",
    "RFC 8032 (Ed25519), RFC 8235 (Schnorr's proof without a partner), RFC 6979 (derived nonces)",
)

TEACHER = (
    "Begin with the cave: one student is the prover, the class calls “left” or “right”. After five rounds ask who is convinced, "
    "and then ask what a film of it would prove to somebody who wasn't here (nothing: it can be staged, and that is the simulator). "
    "Then run the default and point at the one equation. Run “One nonce, two proofs” and let the class subtract the two answers. "
    "End with “Seventeen”: the mathematics is right and the boy gets the tablets. For discussion: who has to be trusted in the age "
    "proof (the registry, the phone), and what stops a boy whose adult friend holds the phone for him?"
)
