"""Words of the lesson on passwords."""

TERMS = {
    "dictionary attack": "Trying the passwords that people choose, the likeliest first, and their variants.",
    "password hash": "A hash made slow on purpose, so that each guess at a stolen table costs time.",
    "pepper": "One secret key mixed into all password hashes and kept outside their table.",
    "rainbow table": "Chains of hashes, computed beforehand, that turn many unsalted hashes back.",
    "work factor": "The number that says how slow a password hash is; it is stored with the hash.",
}
