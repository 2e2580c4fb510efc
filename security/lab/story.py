"""The people and papers of the one story that runs through all lessons. All of it is made up."""

from __future__ import annotations

PATIENT = "Rosa Lindqvist"
DOCTOR = "Dr. Ines Okafor"
PHARMACIST = "Tom Bauer"
STUDENT = "Lena Fischer"
ATTACKER = "Mallory"
HOSPITALS = ("St. Damian", "Northgate", "Riverside", "Hillcrest", "Seaview")
HOSPITAL = HOSPITALS[0]
WARDS = ("Ward A", "Ward B", "Ward C", "Ward D")
RECORD_NUMBER = "SD-204817"

BEGINNING = (
    "Rosa Lindqvist, 67, taught chemistry for forty years. Her left hand has begun to shake, and Dr. Ines Okafor at "
    "St. Damian thinks of Parkinson's disease. Rosa's record will be written, sent, signed, counted, studied and "
    "attacked; in each lesson somebody needs a promise about it, and Mallory tries to break that promise."
)
NOTE = (
    "Rosa Lindqvist, 67. Resting tremor of the left hand for eight months, slower gait, no falls. "
    "Levodopa 100 mg three times a day."
)
PRESCRIPTION = "Rosa Lindqvist: levodopa 100 mg, three times a day, 90 tablets. Dr. Ines Okafor"
