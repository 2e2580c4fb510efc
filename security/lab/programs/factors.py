"""A time-based one-time code by hand, and the same by pyotp."""

import base64
import hmac

import pyotp

shared = "IFZWW3DFOBUW63RHOMQHIZLBMNUGS3TH"  # an example for the class; a real one is random
now = 1_790_000_000  # Unix time; int(time.time()) for this moment

counter = (now // 30).to_bytes(8, "big")
mac = hmac.digest(base64.b32decode(shared), counter, "sha1")
offset = mac[-1] & 15
number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF

print(f"Unix time: {now}")
print(f"counter: {counter.hex()}")
print(f"HMAC-SHA-1: {mac.hex()}")
print(f"offset: {offset}")
print(f"four bytes: {mac[offset : offset + 4].hex()}")
print(f"number: {number}")
print(f"code: {number % 10**6:06d}")
print(f"pyotp: {pyotp.TOTP(shared).at(now)}")
