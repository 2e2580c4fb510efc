"""Words of lesson 8."""

TERMS = {
    "checkpoint": "A signed note of a ledger's length and Merkle root, kept by somebody else.",
    "confirmation": "The block that holds a payment, or one on top of it; each makes it harder to undo.",
    "consensus": "A way for computers that don't trust each other to agree on one history.",
    "consistency proof": "The few hashes that show that a longer ledger begins with all of a shorter one.",
    "double spend": "Paying with money and then making the payment vanish from the history.",
    "finality": "A promise that a block stays, because enough named parties have signed it.",
    "fork": "Two branches of a chain that begin with the same blocks.",
    "hash chain": "Entries that each hold the hash of the one before; a change breaks the link after it.",
    "inclusion proof": "The few hashes that lead from one leaf of a Merkle tree to its root.",
    "ledger": "A list that is only ever added to.",
    "merkle root": "The hash at the top of a Merkle tree; it stands for all leaves in their order.",
    "merkle tree": "Hashes of entries, hashed in pairs again and again until one is left.",
    "proof of work": "A number that could only be found by trying very many, and is checked with one hash.",
    "pseudonym": "A made-up name in the place of a person's; the key or the list undoes it.",
}
