"""A capture as the Nexmon CSI `.pcap` of a 43455c0, so that other people's tools read what we simulate.

Of the chips' layouts the 43455c0's int16 pairs hold simulated CSI best. With the largest part at 32767 the rounding
is about 90 dB below the mean power. For the 12-bit mantissas of the 4366c0 it is 71 dB, and csiread also rounds these
to 10 bits. The real 43455c0 has one core; the layout has room for more, and readers take them. Layout: see
:mod:`isacsim.capture.formats.nexmon`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.capture.formats.wifi import channel_frequency
from isacsim.errors import InputError
from isacsim.files import written_whole

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NexmonFile", "write_nexmon"]

_CHIP, _CHIP_NAME = 0x65, "43455c0"
# MHz: its bits in chanspec. Subcarriers lie 312.5 kHz apart.
_BANDWIDTHS = {20: 0x1000, 40: 0x1800, 80: 0x2000}
_BANDS = {2: 0x0000, 5: 0xC000}
_SPACING = 312.5e3
_CHANNELS = {2: range(1, 15), 5: range(7, 197)}
_FULL_SCALE = 32767
_CORES = 4
_MOST_RECEIVERS = 4 * _CORES
# A locally administered address: no maker's.
_TRANSMITTER = b"\x02isacs"


@dataclass(frozen=True)
class NexmonFile:
    """Record of how a capture was written."""

    chip: str
    step: float
    """CSI is this times what the file holds; each part is off by at most half of it."""
    error_db: float
    """Mean power of the rounding error relative to the CSI's, dB."""


def write_nexmon(capture: xr.Dataset, path: str | PathLike[str], *, overwrite: bool = False) -> NexmonFile:
    """Write a capture's CSI as a Nexmon `.pcap` of the 43455c0.

    The file keeps the CSI as int16 of one scale for the whole file, to half a step. It keeps times from the first
    packet on, to half a microsecond, and carrier and bandwidth. Receivers stay in order: up to four as cores, more
    also as spatial streams of each. Not kept, as the format has no place for them: the truth, roles, AGC gain.

    Parameters
    ----------
    capture : xarray.Dataset
        With ``csi`` complex (receiver, subcarrier, packet), ``frequency`` in Hz and ``time`` in s, of all 64, 128 or
        256 subcarriers of a 20, 40 or 80 MHz channel. Conjugated if its ``phase_sign`` is +1: chips report -1.
    path : str or path-like
        File to write, whole or not at all.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    NexmonFile
        The scale, which the file has no place for, and the error.

    Raises
    ------
    InputError
        If the format cannot hold the capture, or the file exists or cannot be one.
    OSError
        If it cannot be written.

    Examples
    --------
    >>> written = write_nexmon(capture, "lab.pcap")  # doctest: +SKIP
    >>> again = written.step * isacsim.read_capture("lab.pcap").csi  # doctest: +SKIP
    """
    csi = capture["csi"].transpose("receiver", "subcarrier", "packet").values
    if not 1 <= len(csi) <= _MOST_RECEIVERS:
        raise InputError(
            f"capture: the format holds 1 to {_MOST_RECEIVERS} receivers (4 cores, 4 streams), got {len(csi)}."
        )
    # Readers sort by core, then stream: so shall the receivers be in order.
    streams = -(-len(csi) // _CORES)
    places = [i // streams | i % streams << 3 for i in range(len(csi))]
    order, chanspec = _channel(capture["frequency"].values)
    ticks = _ticks(capture["time"].values)
    sign = int(capture["csi"].attrs.get("phase_sign", capture.attrs.get("phase_sign", -1)))
    words, step, error_db = _quantised(csi if sign < 0 else csi.conj())
    # (packet, receiver, subcarrier, part), subcarriers in FFT order.
    words = np.fft.ifftshift(words[:, order].transpose(2, 0, 1, 3), axes=2).astype("<i2")
    with written_whole(path, overwrite=overwrite) as temporary, temporary.open("wb") as file:
        file.write(b"\xd4\xc3\xb2\xa1" + struct.pack("<HHiIII", 2, 4, 0, 0, 65535, 1))
        for number, (tick, frame) in enumerate(zip(ticks.tolist(), words, strict=True)):
            for core_stream, values in zip(places, frame, strict=True):
                file.write(_record(tick, number, core_stream, chanspec, values.tobytes()))
    return NexmonFile(_CHIP_NAME, step, error_db)


def _channel(frequency: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """Order of ascending frequency, and the chanspec of the channel."""
    order = np.argsort(frequency)
    ascending = frequency[order]
    n = len(ascending)
    if 20 * n // 64 not in _BANDWIDTHS or n % 64:
        raise InputError(
            f"capture: {n} subcarriers; Nexmon CSI has all 64, 128 or 256 of a 20, 40 or 80 MHz channel."
        )
    if not np.allclose(np.diff(ascending), _SPACING, rtol=0, atol=1.0):
        raise InputError(
            f"capture: subcarriers {np.diff(ascending).mean():g} Hz apart on average; Nexmon CSI has them 312500 Hz "
            "apart."
        )
    carrier = float(ascending[n // 2])
    for band, channels in _CHANNELS.items():
        for channel in channels:
            centre = channel_frequency(channel, band=band)
            if centre is not None and abs(centre - carrier) < 1.0:
                return order, _BANDS[band] | _BANDWIDTHS[20 * n // 64] | channel
    raise InputError(
        f"capture: the carrier {carrier:.10g} Hz is not a Wi-Fi channel; Nexmon CSI has those of 2407 MHz + 5 MHz "
        "times 1 to 13, 2484 MHz, and 5000 MHz + 5 MHz times 7 to 196."
    )


def _ticks(time: NDArray[np.float64]) -> NDArray[np.int64]:
    """Microseconds from the first packet on."""
    ticks = np.round((time - time[0]) * 1e6).astype(np.int64)
    if (np.diff(ticks) <= 0).any():
        at = int(np.flatnonzero(np.diff(ticks) <= 0)[0]) + 1
        raise InputError(
            f"capture: packet {at} comes {time[at] - time[at - 1]:.3g} s after the one before; the file's clock counts "
            "microseconds, and its times must increase."
        )
    if ticks[-1] >= 2**32 * 1_000_000:
        raise InputError(f"capture: lasts {time[-1] - time[0]:g} s; the file's clock ends after 2^32 s.")
    return ticks


def _quantised(csi: NDArray[np.complexfloating]) -> tuple[NDArray[np.int16], float, float]:
    """Real and imaginary parts (..., 2) in steps, the step, and the error's power [dB] relative to the CSI's."""
    parts = np.stack([csi.real, csi.imag], axis=-1).astype(np.float64)
    if not np.isfinite(parts).all():
        raise InputError("capture: csi holds NaN or infinity, which int16 cannot.")
    largest = float(np.abs(parts).max(initial=0.0))
    if largest == 0:
        raise InputError("capture: csi is zero throughout, and readers refuse such files.")
    step = largest / _FULL_SCALE
    words = np.round(parts / step).astype(np.int16)
    error = float(np.mean((words * step - parts) ** 2))
    ratio = error / float(np.mean(parts**2))
    return words, step, 10 * float(np.log10(ratio)) if ratio else -np.inf


def _record(tick: int, number: int, core_stream: int, chanspec: int, values: bytes) -> bytes:
    """One record of the pcap: Ethernet, IPv4 and UDP headers, Nexmon's header, CSI."""
    # Sequence control: twelve bits of number above four of fragment. Firmware before RSSI has 11 11 twice.
    head: Any = (b"\x11\x11\x11\x11", _TRANSMITTER, number % 4096 << 4, core_stream, chanspec, _CHIP)
    payload = struct.pack("<4s6sHHHH", *head) + values
    udp = struct.pack(">HHHH", 5500, 5500, 8 + len(payload), 0)
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 1, 17, 0, b"\x0a\x0a\x0a\x0a", b"\xff" * 4
    )
    ip = ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:]
    frame = b"\xff" * 6 + b"NEXMON" + b"\x08\x00" + ip + udp + payload
    return struct.pack("<IIII", tick // 1_000_000, tick % 1_000_000, len(frame), len(frame)) + frame


def _checksum(header: bytes) -> int:
    """Checksum of an IPv4 header: ones' complement of the ones' complement sum of its words."""
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
