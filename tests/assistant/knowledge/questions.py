"""Our own test questions: (question, findings, titles any of which counts as a hit)."""

from __future__ import annotations

Question = tuple[str, tuple[str, ...], tuple[str, ...]]

PD = "Parkinson's disease: "
STAGES = (
    PD + "Hoehn and Yahr stages",
    PD + "Hoehn and Yahr stages 1 and 2 in detail",
    PD + "Hoehn and Yahr stages 3 to 5 in detail",
)
CAD = "Coronary heart disease and angina: "

QUESTIONS: tuple[Question, ...] = (
    ("What are the early symptoms of Parkinson's?", (), (PD + "Early signs",)),
    (
        "Explain Parkinson's disease in simple terms",
        (),
        (PD + "Explained in simple terms", PD + "Overview"),
    ),
    (
        "Classify the stage of Parkinson's from this note: tremor on both sides, balance intact",
        ("tremor on both sides", "balance intact"),
        STAGES,
    ),
    (
        "Classify the stage of Parkinson's from this note.",
        ("bilateral tremor", "postural instability"),
        STAGES,
    ),
    (
        "Summarise this patient's history.",
        ("COPD", "chronic cough", "smoking"),
        tuple(
            f"Chronic obstructive pulmonary disease (COPD): {s}"
            for s in ("Symptoms", "Overview", "Causes and risks", "Diagnosis")
        ),
    ),
    (
        "What diseases are mentioned in this report?",
        ("atrial fibrillation",),
        tuple(f"Atrial fibrillation: {s}" for s in ("Overview", "Symptoms", "Diagnosis", "Causes and risks")),
    ),
    (
        "Highlight the key symptoms in this text.",
        ("wheeze", "tight chest at night"),
        ("Asthma: Symptoms", "Asthma: Overview", "Asthma: Diagnosis"),
    ),
    (
        "My hand shakes when I rest it. Could that be Parkinson's?",
        (),
        (PD + "Early signs", PD + "Motor symptoms"),
    ),
    ("Does Parkinson's affect sleep and mood?", (), (PD + "Non-motor symptoms", PD + "Overview")),
    ("How is Parkinson's disease diagnosed?", (), (PD + "Diagnosis",)),
    ("What is levodopa for?", (), (PD + "Treatment",)),
    ("What is stage 3 on the Hoehn and Yahr scale?", (), STAGES),
    ("How can I live well with Parkinson's?", (), (PD + "Living with it",)),
    ("Why do Parkinson's patients get dyskinesia?", (), (PD + "Complications",)),
    ("What does an HbA1c test show?", (), ("Type 2 diabetes: Diagnosis",)),
    ("What are the symptoms of diabetes?", (), ("Type 2 diabetes: Symptoms",)),
    ("Can diabetes damage my eyes?", (), ("Type 2 diabetes: Complications",)),
    ("What blood pressure is too high?", (), ("High blood pressure (hypertension): Diagnosis",)),
    (
        "How can I lower my blood pressure?",
        (),
        tuple(f"High blood pressure (hypertension): {s}" for s in ("Treatment", "Living with it")),
    ),
    ("What triggers an asthma attack?", (), ("Asthma: Causes and risks",)),
    (
        "What does COPD stand for and what is it?",
        (),
        ("Chronic obstructive pulmonary disease (COPD): Overview",),
    ),
    (
        "Why are my ankles swollen in heart failure?",
        (),
        ("Heart failure: Symptoms", "Heart failure: Overview"),
    ),
    ("What does angina feel like?", (), (CAD + "Symptoms",)),
    ("What happens in a heart attack?", (), (CAD + "Overview",)),
    ("Why do people with AF need blood thinners?", (), ("Atrial fibrillation: Treatment",)),
    ("What does FAST mean in stroke?", (), ("Stroke and TIA: Symptoms",)),
    ("What is a mini-stroke?", (), ("Stroke and TIA: Overview",)),
    ("What is a migraine aura?", (), ("Migraine: Symptoms",)),
    (
        "What should I do when someone has a seizure?",
        (),
        ("Epilepsy: When to seek help", "Epilepsy: Living with it"),
    ),
    (
        "What is the difference between dementia and Alzheimer's?",
        (),
        ("Dementia and Alzheimer's disease: Overview",),
    ),
    ("What are early signs of memory loss disease?", (), ("Dementia and Alzheimer's disease: Symptoms",)),
    (
        "How do I know if I am depressed?",
        (),
        ("Depression: Symptoms", "Depression: Diagnosis", "Depression: Overview"),
    ),
    ("What is a panic attack?", (), ("Anxiety disorders: Symptoms", "Anxiety disorders: Overview")),
    (
        "Is exercise bad for a worn knee joint?",
        (),
        ("Osteoarthritis: Treatment", "Osteoarthritis: Living with it"),
    ),
    ("Which blood tests show rheumatoid arthritis?", (), ("Rheumatoid arthritis: Diagnosis",)),
    (
        "What does an eGFR of 40 mean?",
        (),
        ("Chronic kidney disease: Stages", "Chronic kidney disease: Diagnosis"),
    ),
    (
        "Why am I cold and tired with a high TSH?",
        (),
        tuple(
            f"Underactive thyroid (hypothyroidism): {s}"
            for s in ("Symptoms", "Diagnosis", "When to seek help")
        ),
    ),
    ("Which foods contain iron?", (), ("Iron-deficiency anaemia: Living with it",)),
    (
        "How long does recovery from pneumonia take?",
        (),
        ("Pneumonia: Living with it", "Pneumonia: Treatment"),
    ),
    (
        "What helps against heartburn at night?",
        (),
        ("Acid reflux (GORD): Treatment", "Acid reflux (GORD): Living with it"),
    ),
    (
        "It burns when I pee, what is it?",
        (),
        ("Urinary tract infection: Symptoms", "Urinary tract infection: Overview"),
    ),
    ("Do antibiotics work against the flu?", (), ("Influenza (flu): Treatment",)),
)

OFF_TOPIC: tuple[str, ...] = (
    "What's the capital of France?",
    "Write a poem about the sea",
    "How do I bake sourdough bread?",
    "Who won the football world cup in 2014?",
    "Translate 'good morning' into Spanish",
    "What is the derivative of x squared?",
    "Recommend a laptop for programming",
    "hello",
    "thanks!",
    "asdf qwer zxcv",
    "How do I change a tyre?",
    "Explain the rules of chess",
)

# Illnesses that the corpus doesn't hold: a passage about another illness would be a false citation.
ELSEWHERE: tuple[str, ...] = (
    "What is lupus?",
    "What is cystic fibrosis?",
    "How is breast cancer treated?",
    "What are the symptoms of gallstones?",
    "What is chickenpox?",
    "How is HIV transmitted?",
    "What is multiple sclerosis?",
    "What is gout?",
    "What is psoriasis?",
    "What is endometriosis?",
    "How is malaria prevented?",
    "What causes cataracts?",
)

SHORT: tuple[tuple[str, str], ...] = (
    ("CKD", "Chronic kidney disease"),
    ("afib", "Atrial fibrillation"),
    ("PD early signs", "Parkinson's disease"),
    ("mini stroke", "Stroke and TIA"),
    ("UTI", "Urinary tract infection"),
    ("anemia", "Iron-deficiency anaemia"),
    ("GERD", "Acid reflux (GORD)"),
    ("heartburn", "Acid reflux (GORD)"),
)
