"""Three hospitals add up their cases by additive shares; no hospital sees another's number."""

import random

PRIME = 2**127 - 1
hospitals = ["St. Damian", "Northgate", "Riverside"]
cases = [12, 7, 31]
# Repeatable for the class; for real secrets: secrets.randbelow(PRIME).
rng = random.Random("shares:sum:0")


def split(secret: int, parties: int) -> list[int]:
    masks = [rng.randrange(PRIME) for _ in range(parties - 1)]
    return [*masks, (secret - sum(masks)) % PRIME]


shares = [split(number, len(hospitals)) for number in cases]
for giver, row in zip(hospitals, shares, strict=True):
    for taker, share in zip(hospitals, row, strict=True):
        print(f"{giver} for {taker}: {share:032x}")

partial = [sum(column) % PRIME for column in zip(*shares, strict=True)]
for hospital, number in zip(hospitals, partial, strict=True):
    print(f"partial sum of {hospital}: {number:032x}")
print(f"sum: {sum(partial) % PRIME}")
