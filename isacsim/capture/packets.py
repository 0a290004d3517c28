"""Packets as every format reader returns them, before labels, and how packets that differ share one array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Layout = TypeVar("Layout", bound=Hashable)
Stream = tuple[int, int]

# More kinds of packets than this hold noise, not streams.
_MOST_LAYOUTS = 32

__all__ = ["CaptureWarning", "PacketVariable", "Packets", "common_streams", "most_common_layout"]


class CaptureWarning(UserWarning):
    """A capture was read, but part of it is not whole, or not what it claims to be (replicated or dead streams)."""


@dataclass(frozen=True)
class PacketVariable:
    """Values that the file holds for each packet: (packet,), floats or texts, their units and long name."""

    values: NDArray[np.float64] | NDArray[np.str_]
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


def most_common_layout(
    layouts: Sequence[Layout], warnings: list[str], what: str
) -> tuple[Layout, NDArray[np.int64]]:
    """Choose the layout that most packets share; the others cannot stand in the same array.

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


def common_streams(
    held: Sequence[frozenset[Stream]], warnings: list[str], what: str
) -> tuple[list[Stream], NDArray[np.int64]]:
    """Choose the streams that most packets have in common, and the packets that hold them all.

    The choice makes packets² x streams largest: a rate that halves costs more than an antenna.

    Parameters
    ----------
    held : sequence of frozenset, one a packet
        Streams of each packet.
    warnings : list of str
        Gets one sentence if packets differ.
    what : str
        What a stream is, for that sentence.

    Returns
    -------
    streams : list
        The ones chosen, ascending.
    kept : ndarray, int, (kept packet,)
        Positions of the packets that hold them.
    """
    counts = Counter(held)
    candidates = set(counts)
    for one in list(counts)[:_MOST_LAYOUTS]:
        candidates |= {one & other for other in list(counts)[:_MOST_LAYOUTS]} - {frozenset()}

    def kept(streams: frozenset[Stream]) -> int:
        return sum(n for one, n in counts.items() if streams <= one)

    best = max(sorted(candidates, key=sorted), key=lambda one: kept(one) ** 2 * len(one))
    if len(counts) > 1:
        shown = "; ".join(f"{n} hold {_listed(one)}" for one, n in counts.most_common(6))
        warnings.append(
            f"packets differ in {what}: {shown}; kept {_listed(best)}, which {kept(best)} of {len(held)} packets hold"
        )
    return sorted(best), np.flatnonzero([best <= one for one in held])


def _listed(streams: frozenset[Stream]) -> str:
    return ", ".join(map(str, sorted(streams)))
