"""Why 2f + 1 of 3f + 1: any two such groups share an honest node, and with one node less they don't."""

from itertools import combinations


def smallest_overlap(nodes: int, quorum: int) -> int:
    """How few nodes two groups of this size can have in common, by trying all pairs of groups."""
    groups = [set(group) for group in combinations(range(nodes), quorum)]
    return min(len(one & other) for one in groups for other in groups)


faults, nodes = 1, 4
quorum = nodes - faults  # no more: the liars may never answer
overlap = smallest_overlap(nodes, quorum)
print(f"quorum: {quorum}")
print(f"smallest overlap: {overlap}")
print(f"honest in it: {overlap - faults}")

for nodes in range(3, 9):
    for faults in range(1, 3):
        quorum = nodes - faults
        overlap = smallest_overlap(nodes, quorum)
        safe = overlap > faults  # at least one honest node is in both groups
        print(f"{nodes} nodes with {faults} liars, overlap {overlap}: {'safe' if safe else 'NOT SAFE'}")
