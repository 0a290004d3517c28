"""Request to a reader, and the record of what it had to leave out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.packets import common_streams
from isacsim.errors import CaptureError, InputError

__all__ = ["UNKNOWN", "Reading", "malformed"]

UNKNOWN = "unknown"
"""Transmitter or kind of a packet that does not say it."""

_MOST_PLACES = 5
_NUMBERS = re.compile(r"0x[0-9a-f]+|-?\d+(\.\d+)?|'.*'|[0-9a-f]{2}( [0-9a-f]{2})+")


def malformed(
    path: Path, found: str, expected: str, *, offset: int | None = None, row: int | None = None
) -> CaptureError:
    """Word the one sentence of a capture error: file, place, what was found, what was expected."""
    place = f" at byte {offset}" if offset is not None else f" in row {row}" if row is not None else ""
    return CaptureError(f"{path}: found {found}{place}, expected {expected}")


@dataclass
class _Loss:
    """Records left out for one reason: how the first was worded, where they stood."""

    unit: str
    first: str
    expected: str
    places: list[int] = field(default_factory=list)


@dataclass
class Reading:
    """One reading of one file: the arguments of `isacsim.read_capture`, and what was dropped or noticed on the way.

    Attributes
    ----------
    path : Path
        The file's name, for errors.
    strict : bool
        Whether the first record that is not whole is an error.
    transmitter, frame_kind, antennas, part, chip
        As for :func:`isacsim.read_capture`.
    notes : list of str
        What was left out or assumed, in sentences.
    """

    path: Path
    strict: bool = False
    transmitter: str | None = None
    frame_kind: str | int | None = None
    antennas: tuple[int, ...] | None = None
    part: str | None = None
    chip: str | None = None
    notes: list[str] = field(default_factory=list)
    _losses: dict[tuple[str, str], _Loss] = field(default_factory=dict)
    _first: CaptureError | None = None

    def drop(
        self,
        found: str,
        expected: str,
        *,
        offset: int | None = None,
        row: int | None = None,
        unit: str = "record",
    ) -> None:
        """Leave a record out, and remember where and why.

        Raises
        ------
        CaptureError
            If the reading is strict.
        """
        error = malformed(self.path, found, expected, offset=offset, row=row)
        if self.strict:
            raise error
        self._first = self._first or error
        key = (unit, _NUMBERS.sub("#", found))
        loss = self._losses.setdefault(key, _Loss(unit, found, expected))
        loss.places.append((offset if row is None else row) or 0)

    @property
    def n_dropped(self) -> int:
        """Records dropped so far."""
        return sum(len(loss.places) for loss in self._losses.values())

    def error(self, found: str, expected: str) -> CaptureError:
        """Make the error to raise when nothing is left: the first record's fault, else that none was found."""
        return self._first or malformed(self.path, found, expected)

    def losses(self) -> list[str]:
        """One sentence for each reason: how many records, which, and where."""
        said = []
        for loss in self._losses.values():
            n, at = len(loss.places), "row" if loss.unit == "row" else "byte"
            shown = ", ".join(map(str, loss.places[:_MOST_PLACES])) + (", ..." if n > _MOST_PLACES else "")
            where = f"in {at}{'s' * (n > 1)}" if at == "row" else f"at {at}{'s' * (n > 1)}"
            which = "" if n == 1 else ", the first" if _NUMBERS.search(loss.first) else ""
            said.append(
                f"dropped {n} {loss.unit}{'s' * (n > 1)} {where} {shown}: found{which and ' in' + which[1:]} "
                f"{loss.first}, expected {loss.expected}"
            )
        return said

    def dropped_json(self) -> str:
        """The same for programs: a list of {unit, found, expected, count, places}, all places."""
        return json.dumps(
            [
                {
                    "unit": loss.unit,
                    "found": loss.first,
                    "expected": loss.expected,
                    "count": len(loss.places),
                    "places": loss.places,
                }
                for loss in self._losses.values()
            ]
        )

    def refuse_arguments(self, format_: str, *names: str) -> None:
        """Refuse those of the named arguments that were given and that a format cannot honour.

        Raises
        ------
        InputError
            Naming argument and format.
        """
        for name in names:
            if getattr(self, name) is not None:
                raise InputError(
                    f"{self.path}: {name}={getattr(self, name)!r}: {format_} files do not hold it; leave out {name}"
                )

    def of_transmitter(self, transmitters: Sequence[str]) -> NDArray[np.int64]:
        """Positions of the packets of the transmitter asked for, else of the one that sent most and of unknown ones."""
        asked = None if self.transmitter is None else self.transmitter.lower().replace("-", ":")
        senders = [t.lower() for t in transmitters]
        if asked is not None or len(set(senders) - {UNKNOWN}) < 2:
            return np.arange(len(senders)) if asked is None else self._of_one("transmitter", senders, asked)
        counts = Counter(t for t in senders if t != UNKNOWN)
        most, n = counts.most_common(1)[0]
        if 2 * sum(counts.values()) < len(senders):
            # Acknowledgements and the like name no sender: one of the few known ones is no choice.
            self.notes.append(
                f"kept packets of several transmitters, most of which do not say it: {_shown(Counter(senders))}; "
                "transmitter= chooses"
            )
            return np.arange(len(senders))
        self.notes.append(
            f"kept the {n} packets of transmitter {most}; the file holds {_shown(counts)}: transmitter= chooses"
        )
        return np.flatnonzero([t in (most, UNKNOWN) for t in senders])

    def of_kind(self, kinds: Sequence[str], codes: Sequence[int | None]) -> NDArray[np.int64]:
        """Positions of the packets of the frame kind asked for, by name or number; of all if none was."""
        if self.frame_kind is None:
            return np.arange(len(kinds))
        number = _number(self.frame_kind)
        if number is not None:
            labels = ["unknown" if code is None else str(code) for code in codes]
            return self._of_one("frame_kind", labels, str(number))
        asked = str(self.frame_kind).lower().strip()
        singular = asked[:-1] if asked.endswith("s") and asked not in map(str.lower, kinds) else asked
        return self._of_one("frame_kind", [k.lower() for k in kinds], singular)

    def common_streams(
        self,
        held: Sequence[frozenset[tuple[int, int]]],
        what: str = "streams (receive antenna, transmit stream)",
    ) -> tuple[list[tuple[int, int]], NDArray[np.int64]]:
        """Choose the streams of the antennas asked for, else those in common, and the packets that hold them.

        See `isacsim.capture.packets.common_streams`.
        """
        if self.antennas is None:
            return common_streams(held, self.notes, what)
        wanted = set(self.antennas)
        of_wanted = [frozenset(s for s in one if s[0] in wanted) for one in held]
        whole = [k for k, one in enumerate(of_wanted) if {s[0] for s in one} == wanted]
        if not whole:
            there = sorted({s[0] for one in held for s in one})
            raise CaptureError(
                f"{self.path}: no packet with all of antennas={self.antennas}; the file holds antennas "
                f"{', '.join(map(str, there))}"
            )
        if len(whole) < len(held):
            self.notes.append(
                f"dropped {len(held) - len(whole)} packets without all of antennas {self.antennas}"
            )
        streams, kept = common_streams([of_wanted[k] for k in whole], self.notes, what)
        return streams, np.array(whole)[kept]

    def _of_one(self, name: str, labels: list[str], asked: str) -> NDArray[np.int64]:
        counts = Counter(labels)
        if asked not in counts:
            raise CaptureError(f"{self.path}: no packet of {name} {asked}; the file holds {_shown(counts)}")
        if len(counts) > 1:
            self.notes.append(f"kept the {counts[asked]} packets of {name} {asked} of {len(labels)}")
        return np.flatnonzero([label == asked for label in labels])


def _shown(counts: Counter[str]) -> str:
    return ", ".join(f"{label} ({n})" for label, n in counts.most_common(8))


def _number(value: str | int) -> int | None:
    """A number in decimal or, after 0x, hexadecimal; None for a name."""
    if isinstance(value, int):
        return value
    try:
        return int(value, 0)
    except ValueError:
        return None
