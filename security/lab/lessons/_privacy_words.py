"""Quiz and longer words of the lesson on differential privacy."""

from __future__ import annotations

from security.lab.lesson import Answer, Question, Use

GOALS = (
    "show how two harmless exact counts give one patient's status away",
    "say what epsilon promises, and compute the noise for a count",
    "explain why noise alone fails when a question may be asked again and again",
    "say how the costs of many answers add up, and what a budget does",
    "name the price that a model pays for privacy",
)

QUIZ = (
    Question(
        "A server answers only counts over at least ten patients, exactly. Is Rosa's status safe?",
        (
            Answer(
                "Yes: ten people are a crowd",
                "Each answer is about a crowd; the difference of two is about Rosa alone.",
            ),
            Answer(
                "Yes, if no names are in the answer", "No name was in any answer, and her status came out."
            ),
            Answer(
                "No: one count with her and one without differ by her status",
                "Both groups are large, so the rule allows both.",
                right=True,
            ),
        ),
    ),
    Question(
        "What does epsilon 0.5 promise Rosa?",
        (
            Answer(
                "That no answer gets more than e^0.5, or 1.65, times as likely because of her status",
                "That holds for every answer, and whatever else the attacker knows.",
                right=True,
            ),
            Answer(
                "That half of the answers are wrong",
                "Epsilon bounds a ratio of probabilities, not how many answers are off.",
            ),
            Answer(
                "That nobody learns anything about her from the study",
                "If the study shows that smoking harms, it says something of Rosa who smokes, whether she took part or not.",
            ),
            Answer(
                "That the count is off by at most 0.5",
                "The noise has no such bound; its mean size is 1 / epsilon, here 2.",
            ),
        ),
    ),
    Question(
        "The same count is asked 800 times and gets fresh noise each time. What happens?",
        (
            Answer("Each answer is protected, so all are", "Each costs epsilon, and the costs add up."),
            Answer(
                "The noise averages out, and the true count comes out",
                "The mean of n answers errs by about 1 / sqrt(n) of what one errs by.",
                right=True,
            ),
            Answer(
                "The noise adds up and hides more",
                "In a sum it grows, but more slowly than the sum; in the mean it shrinks.",
            ),
        ),
    ),
    Question(
        "The privacy budget of the data is spent. What should the server do?",
        (
            Answer(
                "Answer with more noise for the rest of the day",
                "More noise costs less, but more than nothing, and nothing is left.",
            ),
            Answer(
                "Begin a new budget each month",
                "The patients' statuses are the same next month: what was told stays told.",
            ),
            Answer(
                "Refuse, or repeat an answer already given",
                "An answer repeated word by word tells nothing new and costs nothing.",
                right=True,
            ),
        ),
    ),
    Question(
        "Why may epsilon of 100 answers be less than 100 times that of one?",
        (
            Answer(
                "Because the losses of single answers are random and partly cancel",
                "Advanced composition and accountants count that, for a small delta.",
                right=True,
            ),
            Answer("Because the noise gets larger", "Each answer has the same noise here."),
            Answer(
                "Because the attacker forgets",
                "The bound holds for an attacker who keeps every answer.",
            ),
        ),
    ),
    Question(
        "In DP-SGD, what is clipping for?",
        (
            Answer(
                "It speeds the training up", "It takes time: each patient's gradient is computed by itself."
            ),
            Answer(
                "It bounds how much one patient can move the model, so that the noise can be measured by it",
                "Without a bound on one patient's part no finite noise hides it.",
                right=True,
            ),
            Answer(
                "It removes patients with rare values", "All stay in; their gradients are only shortened."
            ),
        ),
    ),
)

USES = (
    Use(
        "Each data set of the studio has a budget; a run is charged before it trains.",
        "security/crypto/privacy/budget.py",
    ),
    Use("What mechanisms cost: the accountant of the runs here.", "security/crypto/privacy/accounting.py"),
    Use("Noise that nobody can guess, from a secret.", "security/crypto/privacy/noise.py"),
    Use("Models are trained with clipped gradients and noise.", "training/private.py"),
)

NOT_COVERED = (
    "The last bits of floating-point noise, which can give the true count away (Mironov 2012); the discrete Laplace doesn't have them",
    "Local differential privacy, where each patient adds noise before anybody is told",
    "Families and friends: epsilon is for one patient's record, and a group of k costs k times as much",
    "Linkage with other registers (Sweeney 1997), against which removing names is no help",
)

SOURCES = (
    "Dwork, McSherry, Nissim and Smith 2006, Calibrating Noise to Sensitivity in Private Data Analysis",
    "Dwork and Roth 2014, The Algorithmic Foundations of Differential Privacy",
    "Dwork, Rothblum and Vadhan 2010, Boosting and Differential Privacy (advanced composition)",
    "Ghosh, Roughgarden and Sundararajan 2009, Universally Utility-Maximizing Privacy Mechanisms",
    "Balle and Wang 2018, Improving the Gaussian Mechanism for Differential Privacy",
    "Mironov 2017, Rényi Differential Privacy",
    "Abadi et al. 2016, Deep Learning with Differential Privacy (DP-SGD)",
    "Denning, Denning and Schwartz 1979, The Tracker (why a least group size doesn't help)",
    "NIST SP 800-226, Guidelines for Evaluating Differential Privacy Guarantees",
)

TEACHER = (
    "Let the class play the server first: who of you has a pet, and how many without the pupil at the window? Then run "
    "the differencing attack, and let them propose rules; most will propose a least group size, which is a parameter "
    "of the attack and doesn't help. Run the noise at epsilon 0.1, 0.5 and 5 and read the attacker's rate aloud, "
    "beside a coin's one half. Ask for the catch before running the averaging attack. Discuss who should set the "
    "budget, and what a hospital is to do when it is spent. The hardest point is that a study may still harm "
    "Rosa by what it finds about people like her: differential privacy doesn't promise otherwise."
)
