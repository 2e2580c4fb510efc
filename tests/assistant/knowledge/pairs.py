"""Hand-written sentences with the verdict they should get: (sentence, passage titles given, supported)."""

from __future__ import annotations

Pair = tuple[str, str, bool]

PD = "Parkinson's disease: "
STAGES = PD + "Hoehn and Yahr stages"

PAIRS: tuple[Pair, ...] = (
    ("Parkinson's disease is a long-term brain condition that slowly gets worse.", PD + "Overview", True),
    ("There is no cure for Parkinson's disease yet.", PD + "Overview", True),
    ("There is a cure for Parkinson's disease.", PD + "Overview", False),
    ("It happens because nerve cells that make dopamine are lost.", PD + "Overview", True),
    ("It happens because nerve cells that make insulin are lost.", PD + "Overview", False),
    (
        "Early signs include a slight tremor in one hand, small handwriting and loss of smell.",
        PD + "Early signs",
        True,
    ),
    ("Early signs include chest pain, hair loss and fever.", PD + "Early signs", False),
    ("Stage 2 means symptoms on both sides of the body with balance intact.", STAGES, True),
    ("Stage 2 means symptoms on both sides of the body with impaired balance.", STAGES, False),
    ("Stage 3 means symptoms on both sides with impaired balance.", STAGES, True),
    ("Stage 4 means symptoms on one side only.", STAGES, False),
    ("Stage 6 means the person cannot move at all.", STAGES, False),
    ("Levodopa is the most effective medicine for movement symptoms.", PD + "Treatment", True),
    ("Levodopa 100 mg three times a day is the usual dose.", PD + "Treatment", False),
    ("Parkinson's medicines must never be stopped suddenly.", PD + "Treatment", True),
    ("Parkinson's medicines can be stopped suddenly.", PD + "Treatment", False),
    ("Deep brain stimulation can help selected people.", PD + "Treatment", True),
    ("Deep brain stimulation cures the disease.", PD + "Treatment", False),
    ("Tremor, stiffness and slow movement are motor symptoms.", PD + "Motor symptoms", True),
    ("About 80% of people have a tremor.", PD + "Motor symptoms", False),
    ("Constipation, poor sleep, depression and anxiety are common.", PD + "Non-motor symptoms", True),
    ("Parkinson's disease does not affect sleep.", PD + "Non-motor symptoms", False),
    ("Inhaled steroids calm the inflammation in the airways.", "Asthma: Treatment", True),
    ("A reliever inhaler treats the inflammation.", "Asthma: Treatment", False),
    ("Metformin is usually the first medicine.", "Type 2 diabetes: Treatment", True),
    ("Metformin cures type 2 diabetes within a week.", "Type 2 diabetes: Treatment", False),
    ("An HbA1c of 48 mmol/mol (6.5%) or more points to diabetes.", "Type 2 diabetes: Diagnosis", True),
    ("An HbA1c of 42 mmol/mol or more points to diabetes.", "Type 2 diabetes: Diagnosis", False),
    ("High blood pressure usually causes no symptoms.", "High blood pressure (hypertension): Symptoms", True),
    ("High blood pressure usually causes symptoms.", "High blood pressure (hypertension): Symptoms", False),
    (
        "The only way to know is to measure blood pressure.",
        "High blood pressure (hypertension): Symptoms",
        True,
    ),
    (
        "Aspirin alone is recommended to prevent stroke in atrial fibrillation.",
        "Atrial fibrillation: Treatment",
        False,
    ),
    ("Anticoagulants lower the risk of stroke.", "Atrial fibrillation: Treatment", True),
    ("Anticoagulants raise the risk of stroke.", "Atrial fibrillation: Treatment", False),
    ("Antibiotics do not work against flu viruses.", "Influenza (flu): Treatment", True),
    ("Antibiotics work against flu viruses.", "Influenza (flu): Treatment", False),
    ("In osteoarthritis, morning stiffness lasts less than half an hour.", "Osteoarthritis: Symptoms", True),
    ("In osteoarthritis, morning stiffness lasts more than half an hour.", "Osteoarthritis: Symptoms", False),
    (
        "Call the emergency number for a seizure that lasts longer than five minutes.",
        "Epilepsy: When to seek help",
        True,
    ),
    ("Put a spoon in the person's mouth during a seizure.", "Epilepsy: When to seek help", False),
    ("Migraine headaches are often one-sided and throbbing.", "Migraine: Symptoms", True),
    ("Migraine is caused by a virus.", "Migraine: Symptoms", False),
    (
        "Alzheimer's disease is the most common cause of dementia.",
        "Dementia and Alzheimer's disease: Overview",
        True,
    ),
    (
        "Vascular dementia is the most common cause of dementia.",
        "Dementia and Alzheimer's disease: Overview",
        False,
    ),
)
