"""One letter changed in a prescription: how many bits of its SHA-256 change?"""

import hashlib
import random

text = "Rosa Lindqvist: levodopa 100 mg, three times a day, 90 tablets. Dr. Ines Okafor"

# Seeded, so that the whole class changes the same letter.
rng = random.Random("hashing:avalanche:0")
place = rng.choice([at for at, letter in enumerate(text) if letter.isascii() and letter.isalnum()])
letter = "y" if text[place] == "x" else "x"
if text[place].isdigit():
    letter = str((int(text[place]) + 1) % 10)
other = text[:place] + letter + text[place + 1 :]

before = hashlib.sha256(text.encode()).digest()
after = hashlib.sha256(other.encode()).digest()
changed = (int.from_bytes(before, "big") ^ int.from_bytes(after, "big")).bit_count()

print(f"changed text: {other}")
print(f"SHA-256 before: {before.hex()}")
print(f"SHA-256 after: {after.hex()}")
print(f"bits changed: {changed}")
