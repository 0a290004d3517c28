"""What happens to bytes: bits turn, pieces go, come twice or from elsewhere, numbers become extreme."""

from __future__ import annotations

import re

import numpy as np

__all__ = ["mutated"]

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_EXTREMES: tuple[bytes, ...] = (
    b"0",
    b"-1",
    b"1",
    b"0.5",
    b"-0.0",
    b"1e-9",
    b"1e-300",
    b"1e18",
    b"1e99",
    b"1e308",
    b"-1e308",
    b"1e400",
    b".inf",
    b"-.inf",
    b".nan",
    b"NaN",
    b"Infinity",
    b"255",
    b"4096",
    b"65536",
    b"2147483648",
    b"-2147483649",
    b"1000000000000",
    b"9223372036854775808",
    b"99999999999999999999999999",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"[1, 2]",
    b"{a: 1}",
    b"!!float {a: 1}",
    b"!!int [1]",
    b"~",
    b"''",
    b"{uniform: [-1e308, 1e308]}",
    b"{normal: [0, 1e300]}",
    b"{lognormal: [100, 20]}",
    b"{choice: [0, 1e-320]}",
    b"{uniform: [0, 0]}",
)


def mutated(content: bytes, rng: np.random.Generator, *, text: bool) -> bytes:
    """Damage bytes in one to four ways."""
    for _ in range(int(rng.integers(1, 5)) if rng.random() < 0.5 else 1):
        content = _number(content, rng) if text and rng.random() < 0.6 else _bytes(content, rng)
    return content


def _number(content: bytes, rng: np.random.Generator) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return _bytes(content, rng)
    at = found[int(rng.integers(len(found)))]
    return content[: at.start()] + _EXTREMES[int(rng.integers(len(_EXTREMES)))] + content[at.end() :]


def _bytes(content: bytes, rng: np.random.Generator) -> bytes:
    size = len(content)
    if size < 2:
        return rng.bytes(int(rng.integers(0, 100)))
    # Heads tell formats and lengths: half of the damage is there.
    a = int(rng.integers(min(size, 512) if rng.random() < 0.5 else size))
    b = min(size, a + 1 + int(rng.integers(1, 64)))
    match int(rng.integers(9)):
        case 0:
            return content[:a] + bytes([content[a] ^ (1 << int(rng.integers(8)))]) + content[a + 1 :]
        case 1:
            return content[:a] + bytes([int(rng.choice([0, 1, 127, 128, 255]))]) + content[a + 1 :]
        case 2:
            return content[:a]
        case 3:
            return content[:a] + content[b:]
        case 4:
            return content[:b] + content[a:b] * int(rng.integers(1, 5)) + content[b:]
        case 5:
            return content[:a] + rng.bytes(b - a) + content[b:]
        case 6:
            return content[:a] + b"\xff" * min(8, b - a) + content[a + min(8, b - a) :]
        case 7:
            other = int(rng.integers(size))
            return content[:a] + content[other : other + b - a] + content[b:]
    return content[:a] + rng.bytes(int(rng.integers(1, 40))) + content[a:]
