"""Intel 5300 `.dat` files of the Linux 802.11n CSI Tool.

A file is a chain of records: length (2 bytes, big-endian, of what follows), code, body. Code 0xbb is a
beamforming measurement: a header of 20 bytes, then 30 subcarriers x (3 bits + rx·tx 8-bit complex numbers).
Code 0xc1 is the received packet itself. Source: read_bfee.c and read_bf_file.m in
https://github.com/dhalperi/linux-80211n-csitool-supplementary, and its FAQ,
https://dhalperi.github.io/linux-80211n-csitool/faq.html.

The CSI is left as reported. csiread's `get_scaled_csi` would scale each packet to its RSSI, which the chip
rounds to 1 dB: on a static 1 kHz capture that raised the power's standard deviation from 0.37 to 0.96 dB.
RSSI and AGC are variables of the data set instead.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.formats.guard import parse_guarded
from isacsim.capture.packets import Packets, PacketVariable, most_common_layout
from isacsim.capture.request import Reading, malformed

__all__ = ["SUBCARRIERS", "looks_like", "read"]

# Subcarriers that the chip reports (IEEE 802.11n-2009, 7.3.1.28, grouping 2 and 4), by bandwidth [MHz].
SUBCARRIERS = {
    20: np.r_[-28:-1:2, -1, 1:28:2, 28].astype(np.int64),
    40: np.r_[-58:-1:4, 2:59:4].astype(np.int64),
}

_MEASUREMENT, _PACKET = 0xBB, 0xC1
_HEADER = struct.Struct("<IHHBBBBBbBBHH")
_40_MHZ = 0x800  # in rate_n_flags
_RSSI_OFFSET = -44.0  # dB to dBm, get_total_rss.m
_NO_NOISE = -127


def looks_like(data: bytes) -> bool:
    """Whether it begins with a measurement, or with a packet and another record of the CSI Tool."""
    if len(data) < 3:
        return False
    (length,) = struct.unpack_from(">H", data)
    if data[2] == _MEASUREMENT and len(data) >= 23:
        nrx, ntx = data[11], data[12]
        return bool(length == 33 + 60 * nrx * ntx and 1 <= nrx <= 3 and 1 <= ntx <= 3)
    following = data[length + 4 : length + 5]
    return data[2] == _PACKET and following in (b"\xbb", b"\xc1")


def read(data: bytes, reading: Reading) -> Packets:
    """Read the content of an Intel 5300 file.

    Parameters
    ----------
    data : bytes
        The whole file.
    reading : Reading
        Its name, what was asked for, and what is left out.

    Returns
    -------
    Packets
        Without carrier: the file does not say its channel. `bandwidth` from the rate flags. `rx` is the
        antenna port (0 = A). `rssi` [dBm] is the sum over antennas.

    Raises
    ------
    CaptureError
        If a record is cut, of another kind or of a wrong length, or there is none with CSI.
    """
    path, warnings = reading.path, reading.notes
    offsets = _checked_offsets(data, path)
    headers = np.array([_HEADER.unpack_from(data, o + 3) for o in offsets], dtype=np.int64)
    antennas = [_antennas(antenna_sel, nrx) for antenna_sel, nrx in headers[:, [10, 3]]]

    usable = np.array([len(set(a)) == len(a) and max(a) < 3 for a in antennas])
    if not usable.any():
        raise malformed(path, "invalid antenna permutations in all packets", "each antenna at most once")
    if not usable.all():
        warnings.append(f"dropped {np.count_nonzero(~usable)} packets with an invalid antenna permutation")
    positions = np.flatnonzero(usable)

    layout, kept = most_common_layout(
        [
            (tuple(sorted(antennas[p])), int(headers[p, 4]), 40 if headers[p, 12] & _40_MHZ else 20)
            for p in positions
        ],
        warnings,
        "receive antennas, transmit streams, MHz",
    )
    used, n_tx, bandwidth = layout
    positions = positions[kept]
    headers = headers[positions]
    records = b"".join(_record(data, offsets[p]) for p in positions)
    csi = parse_guarded("intel5300", records, path, count=len(positions))["csi"]

    csi = csi[:, :, np.array(used), :n_tx]
    n_packets, n_subcarriers = csi.shape[:2]
    return Packets(
        format="intel5300",
        chip="Intel 5300",
        csi=csi.reshape(n_packets, n_subcarriers, -1).transpose(2, 1, 0),
        rx=np.repeat(used, n_tx),
        tx=np.tile(np.arange(n_tx), len(used)),
        subcarrier_index=SUBCARRIERS[bandwidth],
        valid=np.ones(n_subcarriers, dtype=bool),
        ticks=headers[:, 0],
        tick=1e-6,
        wrap=2**32,
        bandwidth=bandwidth * 1e6,
        variables=_variables(headers),
    )


def _checked_offsets(data: bytes, path: Path) -> list[int]:
    """Byte offsets of the measurement records; every record's framing is checked."""
    offsets = []
    offset = 0
    while offset < len(data):
        left = len(data) - offset
        if left < 3:
            raise malformed(path, f"{left} bytes", "a record of at least 3", offset=offset)
        length, code = struct.unpack_from(">HB", data, offset)
        if left < length + 2:
            raise malformed(
                path, f"the end of the file {left} bytes on", f"a record of {length + 2}", offset=offset
            )
        if code == _MEASUREMENT:
            _check_measurement(data, offset, length, path)
            offsets.append(offset)
        elif code != _PACKET or length < 1:
            raise malformed(
                path, f"a record of code 0x{code:02x}, length {length}", "0xbb or 0xc1", offset=offset
            )
        offset += length + 2
    if not offsets:
        raise malformed(path, "no CSI record", "records of code 0xbb")
    return offsets


def _check_measurement(data: bytes, offset: int, length: int, path: Path) -> None:
    if length < 21:
        raise malformed(path, f"a CSI record of length {length}", "at least 21", offset=offset)
    header = _HEADER.unpack_from(data, offset + 3)
    nrx, ntx, n_bytes = header[3], header[4], header[11]
    if not (1 <= nrx <= 3 and 1 <= ntx <= 3):
        raise malformed(path, f"{nrx} receive and {ntx} transmit antennas", "1 to 3 of each", offset=offset)
    expected = 60 * nrx * ntx + 12
    if n_bytes != expected or length != 21 + expected:
        raise malformed(
            path,
            f"a CSI record of length {length} with {n_bytes} bytes of CSI",
            f"{21 + expected} and {expected} for {nrx}x{ntx} antennas",
            offset=offset,
        )


def _record(data: bytes, offset: int) -> bytes:
    (length,) = struct.unpack_from(">H", data, offset)
    return data[offset : offset + 2 + length]


def _antennas(antenna_sel: int, nrx: int) -> list[int]:
    return [int(antenna_sel) >> (2 * chain) & 3 for chain in range(nrx)]


def _variables(headers: NDArray[np.int64]) -> dict[str, PacketVariable]:
    rssi, noise, agc = headers[:, 5:8].astype(float), headers[:, 8].astype(float), headers[:, 9].astype(float)
    # 0 marks an antenna that is not in use.
    power = np.where(rssi > 0, 10 ** (rssi / 10), 0).sum(axis=1)
    total = 10 * np.log10(power, out=np.full(power.shape, np.nan), where=power > 0) + _RSSI_OFFSET - agc
    return {
        "rssi": PacketVariable(total, "dBm", "received power, all antennas"),
        "agc": PacketVariable(agc, "dB", "automatic gain control"),
        "noise": PacketVariable(np.where(noise == _NO_NOISE, np.nan, noise), "dBm", "noise floor"),
    }
