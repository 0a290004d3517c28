"""ESP32 `.csv` files and serial logs of the ESP32-CSI-Tool and of Espressif's esp-csi.

A row a packet: columns with the receiver's status (``esp32_rows``) and a list of numbers, which holds one or more
training fields (``esp32_layouts``). Read here and not by csiread, which fails on a header row, and whose lists must all
be equally long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.formats.esp32_layouts import (
    ABOVE,
    BELOW,
    L_LTF,
    NONE,
    Field,
    classic_fields,
    he_fields,
    twelve_bits,
)
from isacsim.capture.formats.esp32_rows import Row, has_rows, rows_of
from isacsim.capture.formats.wifi import channel_frequency
from isacsim.capture.packets import Packets, PacketVariable, most_common_layout
from isacsim.capture.request import UNKNOWN, Reading
from isacsim.errors import CaptureError, InputError

__all__ = ["looks_like", "read"]

_SIGNAL_MODES = {0: "non-HT", 1: "HT", 3: "VHT"}
_PARTS = ("L-LTF", "HT-LTF", "HE-LTF")
_CHIPS = ("ESP32", "ESP32-S2", "ESP32-S3", "ESP32-C3", "ESP32-C5", "ESP32-C6", "ESP32-C61")
# Names that a capture has already.
_TAKEN = {
    "csi",
    "frequency",
    "subcarrier_index",
    "valid",
    "time",
    "role",
    "device",
    "rx_element",
    "tx_element",
}


def looks_like(data: bytes) -> bool:
    """Tell whether a header or a CSI row is near the front."""
    return has_rows(data)


def read(data: bytes, reading: Reading) -> Packets:
    """Read the content of an ESP32 CSI file.

    Parameters
    ----------
    data : bytes
        The whole file.
    reading : Reading
        Its name, what was asked for, and what is left out.

    Returns
    -------
    Packets
        `carrier` and `bandwidth` of the training field that is read: 20 MHz about the primary channel, or 40
        MHz.

    Raises
    ------
    CaptureError
        If there is no whole row, or none with the part asked for.
    """
    reading.refuse_arguments("ESP32", "antennas")
    _check_arguments(reading)
    rows = _of_one_width(rows_of(data, reading), reading)
    sent = reading.of_transmitter([row.cells.get("mac", UNKNOWN) for row in rows])
    modes = [rows[k].numbers.get("sig_mode") for k in sent]
    sent = sent[reading.of_kind([_kind(m) for m in modes], modes)]
    rows = [rows[k] for k in sent]
    channel, kept = most_common_layout([row.numbers["channel"] for row in rows], reading.notes, "channel")
    rows = [rows[k] for k in kept]
    primary = channel_frequency(channel, band=2 if channel <= 14 else 5)
    if primary is None:
        raise CaptureError(f"{reading.path}: found channel {channel} in the rows, expected a Wi-Fi channel")
    rows, fields = _common_part(rows, reading)
    csi, index, first_words = _decoded(rows, fields)

    field = fields[0]
    valid = (np.abs(index) <= field.outermost) & (np.abs(index) >= field.innermost) & ~first_words
    return Packets(
        format="esp32",
        chip=reading.chip or ("ESP32-C5, C6 or C61" if rows[0].he else "ESP32"),
        csi=csi.T[np.newaxis],
        rx=np.zeros(1, dtype=np.int64),
        tx=np.zeros(1, dtype=np.int64),
        subcarrier_index=index,
        valid=valid,
        ticks=np.array([row.numbers["local_timestamp"] for row in rows], np.int64) % 2**32,
        tick=1e-6,
        wrap=2**32,
        carrier=primary + _offset(rows[0], field, reading),
        bandwidth=field.bandwidth * 1e6,
        spacing=field.spacing,
        variables=_variables(rows),
    )


def _check_arguments(reading: Reading) -> None:
    if reading.part is not None:
        part = (
            reading.part.upper()
            .replace("LLTF", "L-LTF")
            .replace("HTLTF", "HT-LTF")
            .replace("HELTF", "HE-LTF")
        )
        if part not in _PARTS:
            raise InputError(f"part={reading.part!r} is unknown; it can be {', '.join(_PARTS)}")
        reading.part = part
    if reading.chip is not None:
        chips = {chip.upper(): chip for chip in _CHIPS} | {c.upper().replace("-", ""): c for c in _CHIPS}
        if reading.chip.upper() not in chips:
            raise InputError(
                f"chip={reading.chip!r} is not a known ESP32 chip; it can be {', '.join(_CHIPS)}"
            )
        reading.chip = chips[reading.chip.upper()]


def _of_one_width(rows: list[Row], reading: Reading) -> list[Row]:
    """Rows without a number that no int8 holds, unless most have some: then the firmware undid its gain."""
    narrow = [bool(row.values.min() >= -128 and row.values.max() <= 128) for row in rows]
    if all(narrow) or 2 * sum(narrow) < len(rows):
        return rows
    for row, fits in zip(rows, narrow, strict=True):
        if not fits:
            worst = row.values[np.abs(row.values).argmax()]
            reading.drop(f"CSI value {worst}", "-128 to 127, as in the other rows", row=row.place, unit="row")
    return [row for row, fits in zip(rows, narrow, strict=True) if fits]


def _fields(row: Row, chip: str | None) -> list[Field]:
    numbers = row.numbers
    if chip in _CHIPS[4:] or (chip is None and row.he):
        return he_fields(row.values.size)
    return classic_fields(
        row.values.size,
        wide=numbers.get("bandwidth", 0) == 1,
        stbc=numbers.get("stbc", 0) != 0,
        secondary=numbers.get("secondary_channel", NONE),
    )


def _common_part(rows: list[Row], reading: Reading) -> tuple[list[Row], list[Field]]:
    """Rows that hold the part asked for, else the one that makes rows² x subcarriers largest; and their fields."""
    held: list[dict[tuple[Any, ...], Field]] = []
    for row in rows:
        own = {}
        for field in _fields(row, reading.chip):
            side = row.numbers.get("secondary_channel", NONE) if field.bandwidth == 40 else NONE
            own[field.part, field.bandwidth, len(field.index), side] = field
        held.append(own)
        if not own:
            reading.drop(
                f"a list of {row.values.size} numbers",
                "a length whose layout the chip's documentation gives",
                row=row.place,
                unit="row",
            )
    counts = Counter(key for own in held for key in own)
    if reading.part is not None:
        there = sorted({key[0] for key in counts})
        counts = Counter({key: n for key, n in counts.items() if key[0] == reading.part})
        if not counts and there:
            raise CaptureError(
                f"{reading.path}: no row with part={reading.part}; the rows hold {', '.join(there)}"
            )
    if not counts:
        raise reading.error("no list whose layout is known", "one that the chip's documentation gives")
    best = max(counts, key=lambda key: (counts[key] ** 2 * key[2], key[2]))
    if len(set(map(tuple, held))) > 1:
        shown = "; ".join(f"{n} {key[0]} of {key[2]} subcarriers" for key, n in counts.most_common(6))
        reading.notes.append(
            f"rows differ in training fields ({shown}): kept the {best[0]} of {best[2]} subcarriers, which "
            f"{counts[best]} of {len(rows)} rows hold; part= chooses"
        )
    elif len({key[0] for key in held[0]}) > 1 and reading.part is None:
        reading.notes.append(
            f"read the {best[0]}; part= chooses another of {', '.join(k[0] for k in held[0])}"
        )
    chosen = [(row, own[best]) for row, own in zip(rows, held, strict=True) if best in own]
    if best[0] == L_LTF and any(
        row.values.size > 128 and len(own) == 1 for row, own in zip(rows, held, strict=True)
    ):
        reading.notes.append(
            "read the legacy training field only: the layout of the HT one is not known for this length"
        )
    return [row for row, _ in chosen], [field for _, field in chosen]


def _decoded(
    rows: list[Row], fields: list[Field]
) -> tuple[NDArray[np.complex64], NDArray[np.int64], NDArray[np.bool_]]:
    """CSI (row, subcarrier) in ascending order, its subcarrier numbers, and which the invalid first word spoils."""
    if rows[0].he and rows[0].values.size == 106 and len({row.values.size for row in rows}) == 1:
        twelve = twelve_bits(np.array([row.values for row in rows]))
        if twelve is not None:
            numbers, field = twelve
            index = np.array(field.index)
            return _complex(numbers.reshape(len(rows), -1, 2)), index, np.zeros(index.size, bool)
    pairs, first = [], np.zeros(len(fields[0].index), bool)
    index = np.sort(fields[0].index)
    for row, field in zip(rows, fields, strict=True):
        order = np.argsort(field.index)
        stop = field.start + len(field.index)
        pairs.append(row.values.reshape(-1, 2)[field.start : stop][order])
        # Hardware of some chips spoils the first four bytes, and says so where there is a column.
        if field.start == 0 and row.numbers.get("first_word", 0 if row.he else 1):
            first |= np.isin(index, field.index[:2])
    return _complex(np.array(pairs)), index.astype(np.int64), first


def _complex(pairs: NDArray[np.int64]) -> NDArray[np.complex64]:
    return (pairs[..., 1] + 1j * pairs[..., 0]).astype(np.complex64)


def _offset(row: Row, field: Field, reading: Reading) -> float:
    """Centre of the field's band from that of the primary channel [Hz]."""
    if field.bandwidth == 20:
        return 0.0
    secondary = row.numbers.get("secondary_channel", NONE)
    if secondary not in (ABOVE, BELOW):
        reading.notes.append(
            "took the primary channel's centre as that of the 40 MHz channel; the rows do not say on which side the "
            "secondary one is"
        )
    return {ABOVE: 10e6, BELOW: -10e6}.get(secondary, 0.0)


def _kind(mode: int | None) -> str:
    return UNKNOWN if mode is None else _SIGNAL_MODES.get(mode, str(mode))


def _variables(rows: Sequence[Row]) -> dict[str, PacketVariable]:
    """Read the columns of each packet: known ones by their names in captures, others by their own."""
    found = {}
    for name, column, units, text in (
        ("rssi", "rssi", "dBm", "received power"),
        ("noise", "noise_floor", "dBm", "noise floor"),
        ("agc_gain", "agc_gain", "1", "gain of the receiver's amplifier, in the chip's steps"),
        ("fft_gain", "fft_gain", "1", "gain of the receiver's transform, in the chip's steps"),
    ):
        values = np.array([row.numbers.get(column, np.nan) for row in rows], float)
        found[name] = PacketVariable(values, units, text)
    if any("mac" in row.cells for row in rows):
        senders = np.array([row.cells.get("mac", UNKNOWN).lower() for row in rows])
        found["transmitter"] = PacketVariable(senders, "1", "MAC address of the frame's sender")
    if any("sig_mode" in row.numbers for row in rows):
        kinds = np.array([_kind(row.numbers.get("sig_mode")) for row in rows])
        found["frame_kind"] = PacketVariable(kinds, "1", "kind of the frame")
    sequence = [row.cells.get("seq", row.cells.get("id", "")) for row in rows]
    found["sequence_number"] = PacketVariable(
        _floats(sequence), "1", "number that the firmware gave the packet"
    )
    for name in rows[0].extra:
        cells = [row.cells.get(name, "") for row in rows]
        numbers = _floats(cells)
        own = name if name.isidentifier() and name not in _TAKEN | found.keys() else f"column_{name}"
        values = np.array(cells) if np.isnan(numbers).any() else numbers
        found[own] = PacketVariable(values, "1", f"column {name} of the file")
    return found


def _floats(cells: Sequence[str]) -> NDArray[np.float64]:
    def number(cell: str) -> float:
        try:
            return float(cell)
        except ValueError:
            return np.nan

    return np.array([number(cell) for cell in cells])
