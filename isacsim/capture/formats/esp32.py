"""ESP32 `.csv` files of the ESP32-CSI-Tool and of Espressif's esp-csi.

A row a packet: columns with the receiver's status, the last a list of int8, imaginary part first. The list
holds the legacy long training field (LLTF, 64 subcarriers) and after it, unless the tool cut it off, the HT
one (64 or 128); the latter is read where it is there. Which subcarrier is where: ESP-IDF programming guide,
"Wi-Fi Channel State Information", table of sub-carrier indices. Source also:
https://github.com/StevenMHernandez/ESP32-CSI-Tool.

Read here and not by csiread, which fails on a header row, and whose lists must all be equally long.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.formats.wifi import channel_frequency, guards
from isacsim.capture.packets import Packets, PacketVariable, most_common_layout
from isacsim.capture.request import Reading, malformed

__all__ = ["looks_like", "read"]

_COLUMNS = [
    *("type", "role", "mac", "rssi", "rate", "sig_mode", "mcs", "bandwidth", "smoothing", "not_sounding"),
    *("aggregation", "stbc", "fec_coding", "sgi", "noise_floor", "ampdu_cnt", "channel", "secondary_channel"),
    *("local_timestamp", "ant", "sig_len", "rx_state", "real_time_set", "real_timestamp", "len", "CSI_DATA"),
]
_NEEDED = (
    "rssi",
    "noise_floor",
    "bandwidth",
    "stbc",
    "channel",
    "secondary_channel",
    "local_timestamp",
    "len",
)
_ROW = "CSI_DATA"
_LLTF_VALUES = 128
_NONE, _ABOVE, _BELOW = 0, 1, 2  # secondary channel


@dataclass(frozen=True)
class _Row:
    transmitter: str
    numbers: dict[str, int]
    values: NDArray[np.int8]


def looks_like(data: bytes) -> bool:
    """Whether one of the first lines is a header or a CSI row."""
    return any(line.startswith((b"CSI_DATA,", b"type,")) for line in data[:8192].splitlines())


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
        If a row is cut or malformed, or there is none.
    """
    path, warnings = reading.path, reading.notes
    rows = _rows(data, path, warnings)
    layout, kept = most_common_layout(
        [
            (row.transmitter, row.numbers["channel"], row.numbers["secondary_channel"], *_field(row))
            for row in rows
        ],
        warnings,
        "transmitter, channel, secondary channel, training field, first value, subcarriers",
    )
    _, channel, secondary, training, start, n = layout
    rows = [rows[k] for k in kept]
    primary = channel_frequency(channel, band=2 if channel <= 14 else 5)
    if primary is None or secondary not in (_NONE, _ABOVE, _BELOW):
        raise malformed(
            path, f"channel {channel}, secondary {secondary}", "a Wi-Fi channel; 0, 1 (above) or 2 (below)"
        )
    if training == "LLTF" and rows[0].values.size > _LLTF_VALUES:
        warnings.append(
            "read the legacy training field only: the layout of the HT one is not known for this length"
        )

    wide = n == 128
    # Without a secondary channel and for 40 MHz the order is the FFT's; otherwise it ascends through the half
    # channel.
    ascending = not wide and secondary != _NONE
    index = np.arange(n) - n // 2 if ascending else np.fft.fftfreq(n, 1 / n).astype(np.int64)
    pairs = (
        np.array([row.values[start : start + 2 * n] for row in rows])
        .reshape(len(rows), n, 2)
        .astype(np.float32)
    )
    valid = ~guards(index, 40 if wide else 20, legacy=training == "LLTF")
    if start == 0:
        valid[:2] = False  # the hardware's first word is garbage (first_word_invalid)
    order = np.argsort(index)
    csi = (pairs[..., 1] + 1j * pairs[..., 0]).astype(np.complex64)[:, order]
    column = {name: np.array([row.numbers[name] for row in rows]) for name in _NEEDED}
    offset = {_NONE: 0.0, _ABOVE: 10e6, _BELOW: -10e6}[secondary] if wide else 0.0
    return Packets(
        format="esp32",
        chip="ESP32",
        csi=csi.T[np.newaxis],
        rx=np.zeros(1, dtype=np.int64),
        tx=np.zeros(1, dtype=np.int64),
        subcarrier_index=index[order],
        valid=valid[order],
        ticks=column["local_timestamp"] % 2**32,
        tick=1e-6,
        wrap=2**32,
        carrier=primary + offset,
        bandwidth=40e6 if wide else 20e6,
        variables={
            "rssi": PacketVariable(column["rssi"].astype(float), "dBm", "received power"),
            "noise": PacketVariable(column["noise_floor"].astype(float), "dBm", "noise floor"),
        },
    )


def _field(row: _Row) -> tuple[str, int, int]:
    """Which training field to read: its name, the position of its first value, its number of subcarriers."""
    size, wide, stbc = row.values.size, row.numbers["bandwidth"] == 1, row.numbers["stbc"] != 0
    if (size, wide) == (256, False) or (size, wide, stbc) == (384, False, True):
        return "HT-LTF", _LLTF_VALUES, 64
    if (size, wide, stbc) == (384, True, False):
        return "HT-LTF", _LLTF_VALUES, 128
    return "LLTF", 0, 64


def _rows(data: bytes, path: Path, warnings: list[str]) -> list[_Row]:
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise malformed(path, f"byte 0x{data[error.start]:02x}", "UTF-8 text", offset=error.start) from error
    columns, rows, n_other = _COLUMNS, [], 0
    for number, line in enumerate(lines, start=1):
        if line.startswith("type,"):
            columns = next(csv.reader([line]))
            if missing := {"mac", *_NEEDED} - set(columns):
                raise malformed(
                    path, f"a header without {', '.join(sorted(missing))}", "these columns", row=number
                )
        elif line.startswith(_ROW):
            rows.append(_row(line, columns, number, path))
        elif line.strip():
            n_other += 1
    if not rows:
        raise malformed(path, f"{len(lines)} lines, none with CSI", f"lines that begin with {_ROW}")
    if n_other:
        warnings.append(f"skipped {n_other} lines that aren't CSI rows")
    return rows


def _row(line: str, columns: list[str], number: int, path: Path) -> _Row:
    cells = next(csv.reader([line]), [])
    if len(cells) != len(columns):
        raise malformed(path, f"{len(cells)} columns", f"{len(columns)}", row=number)
    cell = dict(zip(columns, cells, strict=True))
    numbers = {}
    for name in _NEEDED:
        if not re.fullmatch(r"-?\d{1,10}", cell[name]):
            raise malformed(path, f"{name} = {cell[name]!r}", "an integer", row=number)
        numbers[name] = int(cell[name])
    list_text = cells[-1]
    if not re.fullmatch(r"\[\s*-?\d{1,3}([\s,]+-?\d{1,3})*[\s,]*\]", list_text):
        raise malformed(path, f"a CSI list that ends in {list_text[-12:]!r}", "integers in [ ]", row=number)
    values = np.array(re.findall(r"-?\d+", list_text), dtype=np.int64)
    # The tool prints the first 128 values of longer lists where it is told to.
    if values.size not in {numbers["len"], _LLTF_VALUES} or values.size < _LLTF_VALUES:
        raise malformed(path, f"{values.size} CSI values", f"{numbers['len']} or {_LLTF_VALUES}", row=number)
    if np.abs(values).max() > 128:
        raise malformed(path, f"CSI value {values[np.abs(values).argmax()]}", "-128 to 127", row=number)
    return _Row(cell["mac"], numbers, values.clip(-128, 127).astype(np.int8))
