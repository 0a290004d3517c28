"""What every format reader hands over, before it is cleaned and labelled, and the wording of its errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from isacsim.errors import CaptureError

Layout = TypeVar("Layout", bound=Hashable)

__all__ = ["CaptureWarning", "PacketVariable", "Packets", "malformed", "most_common_layout"]


class CaptureWarning(UserWarning):
    """A capture was read, but part of its CSI is not what it claims to be (replicated or dead streams)."""


@dataclass(frozen=True)
class PacketVariable:
    """A quantity the file holds for each packet: values (packet,) float, its units and long name."""

    values: NDArray[np.float64]
    units: str
    long_name: str


@dataclass
class Packets:
    """The packets of one capture file, as its reader found them.

    Attributes
    ----------
    format, chip : str
        Format name as in `isacsim.capture.FORMATS`; the chip as the file names it.
    csi : ndarray, complex64, (stream, subcarrier, packet)
        Raw CSI in chip units, subcarriers in ascending frequency. A stream is one (receive, transmit) pair.
    rx, tx : ndarray, int, (stream,)
        Receive antenna (or core) and transmit stream of each stream.
    subcarrier_index : ndarray, int, (subcarrier,)
        Subcarrier number k; its frequency is carrier + k · `spacing`.
    valid : ndarray, bool, (subcarrier,)
        False on guard, DC and unoccupied subcarriers.
    ticks : ndarray, integer, (packet,)
        The clock of the file, in units of `tick` seconds.
    tick : float
        Seconds per tick.
    wrap : int or None
        Number of ticks after which the clock starts over; None for a 64-bit or calendar clock.
    carrier, bandwidth : float or None
        Centre frequency and bandwidth [Hz]; None where the file does not carry them.
    spacing : float
        Subcarrier spacing [Hz].
    variables : dict of str to PacketVariable
        `rssi`, `agc`, `noise`, ... where the file has them.
    warnings : list of str
        What was skipped or dropped so far, in sentences.
    """

    format: str
    chip: str
    csi: NDArray[np.complex64]
    rx: NDArray[np.int64]
    tx: NDArray[np.int64]
    subcarrier_index: NDArray[np.int64]
    valid: NDArray[np.bool_]
    ticks: NDArray[np.int64] | NDArray[np.uint64]
    tick: float
    wrap: int | None = None
    carrier: float | None = None
    bandwidth: float | None = None
    spacing: float = 312.5e3
    variables: dict[str, PacketVariable] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def malformed(
    path: Path, found: str, expected: str, *, offset: int | None = None, row: int | None = None
) -> CaptureError:
    """Word the one sentence of a capture error: file, place, what was found, what was expected."""
    place = f" at byte {offset}" if offset is not None else f" in row {row}" if row is not None else ""
    return CaptureError(f"{path}: found {found}{place}, expected {expected}")


def most_common_layout(
    layouts: Sequence[Layout], warnings: list[str], what: str
) -> tuple[Layout, NDArray[np.int64]]:
    """Choose the layout that most packets share; the others can't stand in the same array.

    Parameters
    ----------
    layouts : sequence of hashable, one a packet
        E.g. (tones, receive antennas, transmit streams).
    warnings : list of str
        Gets one sentence if packets are left out.
    what : str
        What a layout is made of, for that sentence.

    Returns
    -------
    layout : hashable
        The most common one; the first seen of equally common ones.
    kept : ndarray, int, (kept packet,)
        Positions of its packets.
    """
    counts = Counter(layouts)
    layout, n_kept = counts.most_common(1)[0]
    if len(counts) > 1:
        others = ", ".join(f"{n} with {other}" for other, n in counts.items() if other != layout)
        warnings.append(
            f"kept the {n_kept} packets with the most common layout ({what}) = {layout}; dropped {others}"
        )
    return layout, np.flatnonzero([item == layout for item in layouts])
