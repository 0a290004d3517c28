"""Subcarriers in the lists of Espressif's chips, by training field.

A list holds pairs of numbers, imaginary part first. Sources: the table of sub-carrier indices in the ESP-IDF
programming guide, "Wi-Fi Channel State Information" (ESP32, S2, S3, C3); sub_carrier_table of Espressif's component
esp-radar (C5, C6, C61), whose lists ascend; https://github.com/espressif/esp-idf/issues/18982 (12 bits).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ABOVE", "BELOW", "L_LTF", "NONE", "Field", "classic_fields", "he_fields", "twelve_bits"]

NONE, ABOVE, BELOW = 0, 1, 2
"""Secondary channel."""
L_LTF, HT_LTF, HE_LTF = "L-LTF", "HT-LTF", "HE-LTF"
_HE_SPACING = 78125.0


@dataclass(frozen=True)
class Field:
    """Where a training field stands in a list, and its subcarriers."""

    part: str
    start: int
    """Start of the first pair, in pairs."""
    index: tuple[int, ...]
    """Subcarrier numbers about the field's own centre, in the list's order."""
    bandwidth: int
    """20 or 40 MHz."""
    spacing: float = 312.5e3

    @property
    def outermost(self) -> int:
        """Outermost subcarrier in use."""
        return {L_LTF: 26, HT_LTF: 28 if self.bandwidth == 20 else 58, HE_LTF: 122}[self.part]

    @property
    def innermost(self) -> int:
        """Innermost subcarrier in use."""
        return 1 if self.bandwidth == 20 and self.part != HE_LTF else 2


def _fft(n: int) -> tuple[int, ...]:
    return tuple(np.fft.fftfreq(n, 1 / n).astype(int).tolist())


def _up(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


def classic_fields(n_values: int, *, wide: bool, stbc: bool, secondary: int) -> list[Field]:
    """Training fields in a list of the ESP32, S2, S3 and C3; the longest last, none for a length that is not known.

    Parameters
    ----------
    n_values : int
        Numbers in the list.
    wide, stbc : bool
        Whether the frame is 40 MHz wide, and sent with space-time coding.
    secondary : int
        `NONE`, `ABOVE` or `BELOW`.
    """
    # Without a secondary channel the order is the FFT's, else it ascends through the half channel.
    legacy = _fft(64) if secondary == NONE else _up(-32, 31)
    # The table's 0 to 62 and -62 to -1 are halves of 128: numbers about the half's centre.
    short = {BELOW: (380, _up(-32, 30)), ABOVE: (376, _up(-30, 31))}.get(secondary, (384, legacy))
    narrow_stbc, coded = short
    whole = {
        (256, False, False): Field(HT_LTF, 64, legacy, 20),
        (256, False, True): Field(HT_LTF, 64, legacy, 20),
        (narrow_stbc, False, True): Field(HT_LTF, 64, coded, 20),
        (384, True, False): Field(HT_LTF, 64, _fft(128), 40),
        (612, True, True): Field(HT_LTF, 64, (*range(61), *range(-60, 0)), 40),
    }.get((n_values, wide, stbc))
    if whole is not None:
        return [Field(L_LTF, 0, legacy, 20), whole]
    # With the legacy field switched off; a list of 128 may be either, and the legacy field uses fewer subcarriers.
    alone = {
        (256, True, False): Field(HT_LTF, 0, _fft(128), 40),
        (484, True, True): Field(HT_LTF, 0, (*range(61), *range(-60, 0)), 40),
        (narrow_stbc - 128, False, True): Field(HT_LTF, 0, coded, 20),
    }.get((n_values, wide, stbc))
    if alone is not None:
        return [alone]
    return [Field(L_LTF, 0, legacy, 20)] if n_values >= 128 else []


_HE_FIELDS = {
    106: Field(L_LTF, 0, _up(-26, 26), 20),
    114: Field(HT_LTF, 0, _up(-28, 28), 20),
    228: Field(HT_LTF, 0, _up(-28, 28), 20),
    234: Field(HT_LTF, 0, _up(-58, 58), 40),
    468: Field(HT_LTF, 0, _up(-58, 58), 40),
    490: Field(HE_LTF, 0, _up(-122, 122), 20, _HE_SPACING),
    128: Field(L_LTF, 0, _up(-32, 31), 20),
    256: Field(HT_LTF, 0, _up(-64, 63), 40),
    512: Field(HE_LTF, 0, _up(-128, 127), 20, _HE_SPACING),
}


def he_fields(n_values: int) -> list[Field]:
    """Training field in a list of the C5, C61 (106 to 490 numbers) or C6 (128, 256, 512); none for another length."""
    field = _HE_FIELDS.get(n_values)
    return [] if field is None else [field]


def twelve_bits(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], Field] | None:
    """Decode L-LTF lists (row, 106) of 12-bit numbers; None if these are 8-bit ones.

    Two of the list's bytes make a number, the lower first. Its upper four bits repeat its sign. So every other byte
    takes only the values -8 to 7, while the lower ones take all. There are numbers for every other subcarrier.
    """
    lower, upper = values[:, 0:104:2], values[:, 1:104:2]
    if np.abs(upper + 0.5).max() > 8 or np.mean(np.abs(lower + 0.5) > 8) < 0.3:
        return None
    numbers = (upper << 8 | lower & 0xFF).reshape(len(values), 52)
    index = (*range(-26, 0, 2), *range(2, 27, 2))
    return numbers, Field(L_LTF, 0, index, 20)
