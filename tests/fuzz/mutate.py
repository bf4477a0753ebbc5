"""Damage bytes as disks, editors and attackers do, the same for a seed each time."""

import random

TOKENS = (
    b"NaN",
    b"-1",
    b"1e309",
    b"-Infinity",
    b"null",
    b"[]",
    b"{}",
    b'"',
    b"\\ud800",
    b"\xff\xfe",
    b"\x00",
    b"[" * 3000,
    b"9" * 400,
    b"../../x",
    b",",
    b"\r\n",
    "é🙂".encode(),
)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Return the content with one to four damages."""
    for _ in range(rng.randint(1, 4)):
        content = rng.choice(_DAMAGES)(content, rng)
    return content


def _flip(content: bytes, rng: random.Random) -> bytes:
    if not content:
        return content
    damaged = bytearray(content)
    damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randint(0, len(content))]


def _insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randint(0, len(content))
    return content[:place] + rng.choice(TOKENS) + content[place:]


def _replace_word(content: bytes, rng: random.Random) -> bytes:
    begin = rng.randint(0, len(content))
    return content[:begin] + rng.choice(TOKENS) + content[begin + rng.randint(1, 12) :]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    begin = rng.randint(0, len(content))
    part = content[begin : begin + rng.randint(1, 200)]
    return content[:begin] + part * rng.randint(2, 5) + content[begin + len(part) :]


_DAMAGES = (_flip, _flip, _cut, _insert, _replace_word, _replace_word, _repeat)
