"""Quiz and longer words of the lesson on federated learning."""

from __future__ import annotations

from security.lab.lesson import Answer, Question, Use

GOALS = (
    "say what travels in federated learning and what stays",
    "compute one round of federated averaging by hand",
    "show how a gradient of one patient gives her record away",
    "name a cure for poisoned updates and one for leaking ones, and why the two are at odds",
)

QUIZ = (
    Question(
        "What does a hospital send to the server in a round of federated averaging?",
        (
            Answer(
                "Its patients' records, encrypted",
                "Then the server, which must compute with them, would have to decrypt them. The records stay.",
            ),
            Answer(
                "The model's weights after training on its own patients, and how many those were",
                "Five numbers and a count here; the server takes their weighted mean.",
                right=True,
            ),
            Answer(
                "Only its accuracy", "From accuracies nobody can make a better model; weights are needed."
            ),
        ),
    ),
    Question(
        "The records never left the hospital. Is Rosa's record therefore safe from the server?",
        (
            Answer(
                "Yes: weights are only averages", "An average over one patient is that patient's own data."
            ),
            Answer(
                "Yes, if the line is encrypted",
                "TLS keeps out those on the line. The server is its end, and sees the update in the clear.",
            ),
            Answer(
                "No: an update is computed from records and can tell of them",
                "Of one patient, dW divided by db is her record, number by number.",
                right=True,
            ),
        ),
    ),
    Question(
        "One of five hospitals sends an update that is turned round and twenty times as long. What does the median do?",
        (
            Answer(
                "It takes the middle one of five values, so one wild value moves it little",
                "As long as most hospitals are honest the middle value lies among the honest ones.",
                right=True,
            ),
            Answer(
                "It finds out who sent it and shuts that hospital out",
                "The median names nobody; it only keeps an outlier from counting for much.",
            ),
            Answer(
                "It makes the update twenty times shorter",
                "No update is changed; the middle value is taken, weight by weight.",
            ),
        ),
    ),
    Question(
        "Why is it hard to use a secure sum and the median together?",
        (
            Answer("Both are slow", "Time is not the reason: both take well under a second here."),
            Answer(
                "The median needs to see each update, and the secure sum hides each one",
                "What protects against a curious server blinds it to a poisoned update, too.",
                right=True,
            ),
            Answer(
                "The masks make the sum inexact",
                "The masks cancel exactly, for they are whole numbers mod 2 to the 64.",
            ),
        ),
    ),
    Question(
        "Four of five hospitals tell the server their own numbers. What does the secure sum still hide of the fifth?",
        (
            Answer(
                "Nothing: the server subtracts the four from the sum",
                "A sum hides one among those who keep silent; with only one of them left it is that one's number.",
                right=True,
            ),
            Answer(
                "Everything: its mask is still secret",
                "The mask is, but it isn't needed: the sum has no mask in it any more.",
            ),
            Answer("Half of it", "There is no half: the sum minus the four is the fifth's number exactly."),
        ),
    ),
    Question(
        "What does local training bring that one single step does not, and what does it cost when hospitals differ much?",
        (
            Answer(
                "More privacy, at the cost of accuracy",
                "More steps blur an update a little, but that is no promise of privacy.",
            ),
            Answer(
                "Fewer rounds of sending, but each hospital's model drifts towards its own patients",
                "McMahan et al. took many local steps to save rounds; with very different patients the drift can hurt. In the run here it hardly does: the model has five weights and one best setting.",
                right=True,
            ),
            Answer("Nothing, and it costs time", "Each round does more work, so fewer rounds are needed."),
        ),
    ),
)

USES = (
    Use("Hospitals train one language model together; only weights travel.", "training/federated/server.py"),
    Use("The rules against poisoned updates: median, trimmed mean, Krum.", "training/federated/rules.py"),
    Use(
        "Updates added up so that the server sees the sum alone: the very module of the run here.",
        "security/crypto/secure_sum.py",
    ),
)

NOT_COVERED = (
    "A collector that hands out keys of its own: hospitals must know each other's true keys, say by signatures",
    "Hospitals that drop out in the middle of a secure sum (Bonawitz et al. 2017 share the masks' keys for it)",
    "Leakage from many patients' gradients and from deep networks, which takes an optimiser (Zhu, Liu and Han 2019)",
    "Whether a patient was among the training data (membership inference); the cure is the next lesson's noise",
    "Backdoors: poison that leaves the accuracy as it is and acts on a trigger alone",
)

SOURCES = (
    "McMahan, Moore, Ramage, Hampson and Agüera y Arcas 2017, Communication-Efficient Learning of Deep Networks from Decentralized Data (FedAvg)",
    "Zhu, Liu and Han 2019, Deep Leakage from Gradients",
    "Phong, Aono, Hayashi, Wang and Moriai 2018, Privacy-Preserving Deep Learning via Additively Homomorphic Encryption (the record from dW and db)",
    "Yin, Chen, Ramchandran and Bartlett 2018, Byzantine-Robust Distributed Learning (median, trimmed mean)",
    "Blanchard, El Mhamdi, Guerraoui and Stainer 2017, Machine Learning with Adversaries (Krum)",
    "Bonawitz et al. 2017, Practical Secure Aggregation for Privacy-Preserving Machine Learning",
)

TEACHER = (
    "Begin with the question why five hospitals don't simply pool their records, and collect the answers: law, trust, "
    "competition, one large thing to steal. Run the first demonstration with skew 0, then 1, and let the class read "
    "the table: who gains most by joining? Then run the leakage before saying that anything is wrong; most will have "
    "taken 'the data never leaves' for a promise of privacy. Let one pupil divide dW by db on the board. End with the "
    "conflict: the median must see each update, the secure sum hides each. Which of the two would the class choose, "
    "and who would have to be trusted in each case?"
)
