"""Words of the lesson on zero-knowledge proofs."""

TERMS = {
    "blinding": "A random number in a commitment that hides the value, however few values there could be.",
    "challenge": "A question that a prover can't foresee: a random number, or a hash of all that was said.",
    "commitment": "A sealed box: it shows nothing of the value in it, and its maker can't change the value.",
    "completeness": "An honest prover of something true always convinces an honest verifier.",
    "fiat-shamir": "A hash over the statement and all that was said asks in the verifier's place.",
    "prover": "Who wants to convince somebody of something.",
    "range proof": "A proof that a hidden number lies between two bounds.",
    "replay": "Sending again, at another time or place, what was once said honestly.",
    "scalar": "A whole number by which a point of a curve is multiplied; the secret of a key pair is one.",
    "simulator": "A recipe for conversations like the real ones, without the secret: so they tell nothing.",
    "soundness": "Nobody can convince an honest verifier of something false, but with a negligible chance.",
    "special soundness": "Two answers to different challenges after one commitment give the secret away.",
    "transcript": "All that prover and verifier said to each other.",
    "verifier": "Who wants to be convinced, and not to be cheated.",
    "zero knowledge": "The verifier learns that the statement is true, and nothing else.",
}
