"""Rows of ESP32 CSI in a serial log or CSV: found wherever they stand, their columns by name.

Layouts: https://github.com/StevenMHernandez/ESP32-CSI-Tool, and examples/get-started of
https://github.com/espressif/esp-csi.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.request import Reading

__all__ = ["Row", "has_rows", "plain_text", "rows_of"]

_STATUS = (
    *("rssi", "rate", "sig_mode", "mcs", "bandwidth", "smoothing", "not_sounding", "aggregation", "stbc"),
    *("fec_coding", "sgi", "noise_floor", "ampdu_cnt", "channel", "secondary_channel", "local_timestamp"),
    *("ant", "sig_len", "rx_state"),
)
# Columns before the list, by their number, of files without a header.
_WITHOUT_HEADER = {
    len(columns): columns
    for columns in (
        ("type", "role", "mac", *_STATUS, "real_time_set", "real_timestamp", "len"),
        ("type", "seq", "mac", *_STATUS, "len", "first_word"),
        (
            *("type", "seq", "mac", "rssi", "rate", "noise_floor", "fft_gain", "agc_gain", "channel"),
            *("local_timestamp", "sig_len", "rx_state", "len", "first_word"),
        ),
    )
}
_LISTS = ("CSI_DATA", "data", "csi_data", "csi")
_NEEDED = ("channel", "local_timestamp")
_NUMBERS = (*_STATUS, "fft_gain", "agc_gain", "len", "first_word")
_INTEGER = re.compile(r"-?\d{1,10}")
_ROW = b"CSI_DATA,"
_HEAD = 65536
_MOST_VALUES = 4096
_ALIKE = 0.7
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@dataclass(frozen=True)
class Row:
    """One packet: its columns but the list, those that are numbers, the list, where it stood."""

    cells: dict[str, str]
    numbers: dict[str, int]
    values: NDArray[np.int64]
    place: int
    extra: tuple[str, ...] = field(default=())
    """Names of columns that no known layout has."""

    @property
    def he(self) -> bool:
        """True if it has the columns of the chips with Wi-Fi 6: C5, C6, C61."""
        return "fft_gain" in self.cells and "sig_mode" not in self.cells


def plain_text(data: bytes) -> bytes:
    """Text in an encoding with one byte a Latin letter: UTF-16, with or without a mark, becomes UTF-8."""
    encoding = _BYTE_ORDER_MARKS.get(data[:2])
    if encoding is None:
        for candidate in ("utf-16-le", "utf-16-be"):
            if "CSI_DATA,".encode(candidate) in data[:_HEAD]:
                encoding = candidate
    return data if encoding is None else data.decode(encoding, errors="replace").encode()


def has_rows(data: bytes) -> bool:
    """Tell whether a row or a header is near the front."""
    head = plain_text(data[:_HEAD])
    return _ROW in head or any(_header(line) is not None for line in head.splitlines())


def rows_of(data: bytes, reading: Reading) -> list[Row]:
    """All rows that are whole; the others are dropped."""
    columns: tuple[str, ...] | None = None
    rows, n_other = [], 0
    lines = plain_text(data).splitlines()
    for number, line in enumerate(lines, start=1):
        header = _header(line)
        if header is not None:
            columns = _mended(header)
            if columns != header:
                reading.drop("a header with damaged names", "those of a known layout", row=number, unit="row")
            if lacking := [name for name in _NEEDED if name not in columns]:
                reading.drop(
                    f"a header without {', '.join(lacking)}", "these columns", row=number, unit="row"
                )
            continue
        # A row may stand behind a logger's words, or behind the beginning of another one that was cut.
        _, *pieces = line.split(_ROW)
        if not pieces and line.strip():
            n_other += 1
        for piece in pieces:
            row = _row(piece.decode("utf-8", errors="replace"), columns, number, reading)
            if row is not None:
                rows.append(row)
    if not rows:
        raise reading.error(f"{len(lines)} lines, none with CSI", "lines with CSI_DATA and a list")
    if n_other:
        reading.notes.append(f"skipped {n_other} lines that are not CSI rows")
    return rows


def _header(line: bytes) -> tuple[str, ...] | None:
    """Names of the columns from ``type`` on, if a line is a header."""
    if b"type" not in line or (b"rssi" not in line and b"local_timestamp" not in line):
        return None
    names = [name.strip(' "\t\r\xef\xbb\xbf') for name in line.decode("latin-1").split(",")]
    if "type" not in names or not any(name in _LISTS for name in names):
        return None
    return tuple(names[names.index("type") :])


def _mended(header: tuple[str, ...]) -> tuple[str, ...]:
    """Header with names that are a letter or two off those of the layout with as many columns."""
    at = next(k for k, name in enumerate(header) if name in _LISTS)
    layout = _WITHOUT_HEADER.get(at, ())
    return tuple(
        right
        if name != right and right not in header and SequenceMatcher(None, name, right).ratio() > _ALIKE
        else name
        for name, right in zip(header, (*layout, *header[len(layout) :]), strict=True)
    )


def _row(text: str, columns: tuple[str, ...] | None, number: int, reading: Reading) -> Row | None:
    """Read what follows ``CSI_DATA,``; None, and dropped, if it is not whole."""
    try:
        return _whole_row(text, columns, number)
    except _NotWholeError as error:
        reading.drop(error.found, error.expected, row=number, unit="row")
        return None


class _NotWholeError(Exception):
    """Why a row cannot be used."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found, self.expected = found, expected


def _whole_row(text: str, columns: tuple[str, ...] | None, number: int) -> Row:
    first, last = text.find("["), text.find("]")
    if first < 0 or last < first:
        raise _NotWholeError(f"a CSI list that ends in {text[-12:]!r}", "integers in [ ]")
    before = ["CSI_DATA", *(cell.strip() for cell in text[:first].rstrip(' "').rstrip(",").split(","))]
    after = [cell.strip() for cell in text[last + 1 :].lstrip(' "').lstrip(",").split(",")]
    names, behind = _names(columns, len(before))
    if names is None:
        known = " or ".join(map(str, sorted(_WITHOUT_HEADER) if columns is None else [len(behind)]))
        raise _NotWholeError(
            f"{len(before)} columns before the list", f"{known}, or a header that names them"
        )
    cells = dict(zip(names, before, strict=True)) | dict(zip(behind, after, strict=False))
    numbers = {}
    for name in _NUMBERS:
        if name in cells:
            if not _INTEGER.fullmatch(cells[name]):
                raise _NotWholeError(f"{name} = {cells[name][:20]!r}", "an integer")
            numbers[name] = int(cells[name])
    if lacking := [name for name in _NEEDED if name not in numbers]:
        raise _NotWholeError(f"a row without {', '.join(lacking)}", "these columns")
    listed = text[first + 1 : last]
    if not set(listed) <= set("0123456789-, \t"):
        raise _NotWholeError(
            f"a CSI list with {next(c for c in listed if c not in '0123456789-, ')!r}", "integers in [ ]"
        )
    try:
        values = np.array(listed.replace(",", " ").split(), dtype=np.int64)
    except (ValueError, OverflowError):
        raise _NotWholeError("a CSI list of something else", "integers in [ ]") from None
    if (
        not values.size
        or values.size > _MOST_VALUES
        or values.size not in (numbers.get("len", values.size), 128)
    ):
        raise _NotWholeError(f"{values.size} CSI values", f"{numbers.get('len', 'some')} or 128")
    if np.abs(values).max() > 2**15:
        raise _NotWholeError(f"CSI value {values[np.abs(values).argmax()]}", "-32768 to 32767")
    known_names = {*_STATUS, *(n for layout in _WITHOUT_HEADER.values() for n in layout)}
    extra = tuple(n for n in cells if n not in known_names and n not in ("id", *_LISTS))
    return Row(cells, numbers, values, number, extra)


def _names(columns: tuple[str, ...] | None, n_before: int) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Names of the columns before the list and behind it; no names before if their number fits no layout."""
    if columns is None:
        return _WITHOUT_HEADER.get(n_before), ()
    at = next(k for k, name in enumerate(columns) if name in _LISTS)
    if at == n_before:
        return columns[:at], columns[at + 1 :]
    return None, columns[:at]
