"""Words of the lesson on agreement."""

TERMS = {
    "byzantine fault": "A fault in which a computer may do anything: be silent, or tell each another lie.",
    "liveness": "Something good happens in the end: every order is carried out.",
    "quorum": "So many votes that any two such groups have an honest node in common.",
    "safety": "Nothing bad ever happens: no two honest nodes carry out different orders under one number.",
    "view": "The time in which one node is the leader; each next view has the next node as its leader.",
    "view change": "The nodes replace a leader that doesn't get on, and keep what may have been decided.",
}
