"""Block cipher modes for the lesson on one key: ECB, CTR and CBC by pyca, and what their output gives away.

Padding is PKCS #7 (RFC 5652, section 6.3).
"""

from __future__ import annotations

from collections import Counter

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
SIDE = 40

Image = list[list[int]]
_SWING = (0, 2, 4, 6, 7, 8, 8, 8, 7, 6, 4, 2)


def rod_of_asklepios() -> Image:
    """SIDE rows of SIDE greys, 0 black to 255 white: a rod with a snake around it."""
    image = [[255] * SIDE for _ in range(SIDE)]
    middle = SIDE // 2
    for y in range(2, SIDE - 1):
        for x in (middle - 1, middle, middle + 1):
            image[y][x] = 0
    for y in range(4, SIDE):
        turn, half = divmod(y - 4, len(_SWING))
        x = middle + (_SWING[half] if turn % 2 == 0 else -_SWING[half])
        for at in range(x - 2, x + 3):
            image[y][at] = 96
    for x in range(middle - 3, middle + 4):  # the knob, and the snake's head below it
        image[2][x] = 0
    for x in range(middle - 7, middle):
        image[5][x] = image[6][x] = 96
    return image


def image_bytes(image: Image, pixel: int) -> bytes:
    """The image row by row, each pixel as `pixel` equal bytes."""
    return b"".join(bytes([grey]) * pixel for row in image for grey in row)


def bytes_image(data: bytes, pixel: int) -> Image:
    """The first SIDE by SIDE pixels of `data` as an image; of each pixel, its first byte."""
    return [[data[(y * SIDE + x) * pixel] for x in range(SIDE)] for y in range(SIDE)]


def repeated_blocks(data: bytes) -> int:
    """How many of the 16-byte blocks have come before; what is left at the end is no block."""
    whole = [data[at : at + BLOCK] for at in range(0, len(data) - BLOCK + 1, BLOCK)]
    return len(whole) - len(set(whole))


def guessed_image(data: bytes, pixel: int) -> Image:
    """What somebody without the key can draw: the commonest block white, every other black."""
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    commonest = Counter(blocks).most_common(1)[0][0]
    flat = b"".join((b"\xff" if block == commonest else b"\x00") * len(block) for block in blocks)
    return bytes_image(flat, pixel)


def ecb(key: bytes, data: bytes) -> bytes:
    """AES-ECB of whole blocks: each block by itself. Never use it for data."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - its weakness is the lesson
    return encryptor.update(data) + encryptor.finalize()


def ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    """AES-CTR from a 16-byte counter block; encrypts and decrypts, and has no tag."""
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return cipher.update(data) + cipher.finalize()


def cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC of `data` with padding; without the IV in front."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padded(data)) + encryptor.finalize()


def cbc_opened(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC decrypted, padding still on; `data` is whole blocks."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def padded(data: bytes) -> bytes:
    """With 1 to 16 bytes that each say how many they are."""
    count = BLOCK - len(data) % BLOCK
    return data + bytes([count]) * count


def unpadded(data: bytes) -> bytes | None:
    """Without the padding, or None if it is wrong."""
    count = data[-1] if data else 0
    if not 1 <= count <= BLOCK or data[-count:] != bytes([count]) * count:
        return None
    return data[:-count]


def xor(*parts: bytes) -> bytes:
    """All parts, byte by byte, as far as the shortest reaches."""
    first, *rest = parts
    out = bytearray(first)
    for part in rest:
        out = bytearray(a ^ b for a, b in zip(out, part, strict=False))
    return bytes(out)
