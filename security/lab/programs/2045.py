"""48 hours of a program that copies itself: five hospitals, a shared ledger, a meeting at hour 6."""

import random

rng = random.Random("2045:show:0")  # repeatable for the class; never for real secrets
LINKS = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (1, 3))
MEETS, LOCKS, SETUP = 6, 6, 8  # hours
copies, most, paper = 1, 1, 0
since = [None, 0, None, None, None]  # when it began to run there; Northgate is the first
back = [0] * 5  # when a hospital that is set up anew works again

for hour in range(1, 49):
    met = hour >= MEETS
    running = [at for at in range(5) if since[at] is not None]
    for at in range(5):
        ledger, link, found = (rng.randrange(100) for _ in range(3))
        near = sum(1 for one, other in LINKS if at in (one, other) and one + other - at in running)
        stored = (at - 1) % 8 < copies  # a copy on the disk: harmless by itself
        signed = not met  # the stolen key signs for it until it is revoked
        if since[at] is None and hour >= back[at]:
            if (stored and signed and ledger < 30) or link < 15 * near:
                since[at] = hour
        elif met and at in running and found < 50:
            since[at], back[at] = None, hour + SETUP  # records come back from the offline backup
    copies = min(8, 2 * copies)
    most = max(most, sum(began is not None for began in since))
    paper += sum(
        hour - began >= LOCKS if began is not None else hour < back[at] for at, began in enumerate(since)
    )

print(f"most hospitals that ran it at once: {most}")
print(f"hours on paper, all hospitals: {paper}")
print(
    f"hospitals working at the end: {sum(began is None and back[at] <= 48 for at, began in enumerate(since))}"
)
print(f"copies that the followed ledger hands out at the end: {copies}")
