"""Words of the lesson on homomorphic encryption."""

TERMS = {
    "ckks": "Encryption of real numbers that can be added and multiplied, with small errors (2017).",
    "fully homomorphic": "Of encryption: any computation can be done on it, by additions and products.",
    "homomorphic": "Of encryption: computing on ciphertexts computes on what is in them.",
    "malleable": "Of encryption: a ciphertext can be changed so that the text in it changes in a known way.",
    "multiplicative depth": "How many multiplications in a row a ciphertext can stand.",
    "paillier": "Public-key encryption whose ciphertexts can be added; its modulus must be hard to factor.",
    "probabilistic encryption": "Encryption with new randomness each time: equal texts look different.",
    "scale": "The factor by which a real number is multiplied before it is rounded to a whole one.",
}
