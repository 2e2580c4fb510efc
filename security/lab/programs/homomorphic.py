"""Paillier's encryption: a cloud adds what it can't read, and a doctor decrypts the sum alone."""

import math
import random

from cryptography.hazmat.primitives.asymmetric import rsa

VALUES = (68, 74, 59, 81, 70, 64, 92, 77)  # HbA1c in tenths of a percent

# Two real primes, out of an RSA key: Paillier's own keys are made of the same. In earnest 3072 bits.
numbers = rsa.generate_private_key(65537, 2048).private_numbers()
n = numbers.p * numbers.q
exponent = math.lcm(numbers.p - 1, numbers.q - 1)

rng = random.SystemRandom()
product = 1
for value in VALUES:
    r = rng.randrange(1, n)
    product = product * (1 + value * n) * pow(r, n, n * n) % (n * n)

total = (pow(product, exponent, n * n) - 1) // n * pow(exponent, -1, n) % n
print(f"sum in tenths: {total}")
print(f"mean HbA1c: {total / len(VALUES) / 10:.6g}")
