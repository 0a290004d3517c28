"""One function for all capture formats: detect, read, check against the arguments, label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import xarray as xr

from isacsim.capture.content import content
from isacsim.capture.formats import atheros, esp32, intel5300, nexmon, picoscenes
from isacsim.capture.labelling import agreed, to_dataset
from isacsim.capture.packets import Packets
from isacsim.capture.request import Reading
from isacsim.capture.tones import undo_rotation
from isacsim.checks import check_number
from isacsim.errors import CaptureError, InputError

__all__ = ["FORMATS", "read_capture"]


@dataclass(frozen=True)
class Format:
    """A capture format: does this content look like it, and how to read it."""

    looks_like: Callable[[bytes], bool]
    read: Callable[[bytes, Reading], Packets]


# In the order of detection: those with a magic number first.
FORMATS: dict[str, Format] = {
    "nexmon": Format(nexmon.looks_like, nexmon.read),
    "picoscenes": Format(picoscenes.looks_like, picoscenes.read),
    "esp32": Format(esp32.looks_like, esp32.read),
    "intel5300": Format(intel5300.looks_like, intel5300.read),
    "atheros": Format(atheros.looks_like, atheros.read),
}


def read_capture(
    path: str | PathLike[str],
    *,
    format: str = "auto",
    carrier: float | None = None,
    bandwidth: float | None = None,
    phase_sign: int | None = None,
    strict: bool = False,
    packet_rate: float | None = None,
    transmitter: str | None = None,
    frame_kind: str | int | None = None,
    antennas: Sequence[int] | None = None,
    part: str | None = None,
    chip: str | None = None,
) -> xr.Dataset:
    """Read a capture of Wi-Fi channel state information into the schema of simulated captures.

    Parameters
    ----------
    path : str or path-like
        The file.
    format : {"auto", "intel5300", "nexmon", "atheros", "picoscenes", "esp32"}
        "auto" decides by the content, not by the name.
    carrier : float, optional
        Centre frequency of the channel [Hz]. Needed for Intel 5300, whose files do not hold it.
    bandwidth : float, optional
        Bandwidth [Hz]. All formats carry it; given, it is checked against the file.
    phase_sign : {-1, +1}, optional
        -1 if the CSI of a path of length d goes as exp(-j2πfd/c), +1 if it is the conjugate. No format states it:
        without the argument it is -1, and `phase_sign_source` says "assumed". Physics suggests -1. Receivers start
        their FFT early, in the guard interval, which delays every path. So the phase must fall with frequency, as it
        does in every Intel 5300, 43455c0 and 4366c0 capture tried. The 4339's rose. Atheros, ESP32 and USRP remove
        the slope and show nothing.
    strict : bool
        Refuse a file with a record that is not whole, instead of leaving that record out.
    packet_rate : float, optional
        Packets a second, for a file whose clock stands still or is wrong: the packets then follow each other evenly,
        in the file's order. The file's own times are not used.
    transmitter : str, optional
        MAC address of the sender to keep, as 02:00:00:00:00:01. Without it, the one that sent most.
    frame_kind : str or int, optional
        Frames to keep: a name as in the variable `frame_kind` ("beacon", "data", "HT", ...) or the number of
        `frame_control`. Without it, all.
    antennas : sequence of int, optional
        Receive antennas (`rx_element`) to keep; packets without one of them go. Without it, those that most packets
        have in common.
    part : str, optional
        Training field of ESP32 rows: "L-LTF", "HT-LTF", "HE-LTF". Without it, the longest that nearly all rows have.
    chip : str, optional
        Chip of a Nexmon file whose chip number is unknown or wrong: "4339", "4358", "43455c0" or "4366c0"; or the
        chip of ESP32 rows that do not name it ("ESP32", "ESP32-S3", "ESP32-C6", ...).

    Returns
    -------
    xarray.Dataset
        `csi` complex64 (receiver, subcarrier, packet), raw: gain changes are not undone; one receiver for each pair
        of receive antenna `rx_element` and transmit stream `tx_element`. Coordinates `frequency` [Hz] and
        `subcarrier_index` (subcarrier), `valid` (subcarrier), False where there is no signal but maybe garbage,
        `time` [s] (packet), strictly increasing from 0, `role` (receiver) = "unknown". Where the file has them
        (packet): `rssi` [dBm, Atheros dB], `agc` [dB], `noise` [dBm], `sequence_number`, `frame_control`, and as
        texts `transmitter` and `frame_kind`. Attributes: `format`, `chip`, `carrier`, `bandwidth` [Hz], `phase_sign`,
        `phase_sign_source`, `source`, `warnings`, `n_dropped` and `dropped`. `warnings` has one line for each thing
        that was dropped or assumed. `n_dropped` counts the records that were not whole. `dropped` is the same as
        JSON, a list of {unit, found, expected, count, places}, with byte offsets or rows as places.

        Tones that 40 and 80 MHz frames rotate are turned back where all of the capture shows it
        (`isacsim.capture.tones`). Packets that repeat or go back in time are dropped (`isacsim.capture.clock`),
        32-bit clocks unwrapped; where the clock was set anew, the longest session is kept. Of packets with several
        layouts the common part is kept.

    Raises
    ------
    CaptureError
        If the file is missing, empty, no file, larger than memory, foreign or of an unknown chip. Also if it holds no
        CSI or no clock, contradicts an argument, or lacks a carrier that is not given either. If strict, at the first
        record that is not whole.
    InputError
        If an argument is none of those allowed.

    Warns
    -----
    CaptureWarning
        If records were dropped, with their number; if streams are dead or copies of one another and are dropped.

    Examples
    --------
    >>> capture = read_capture("walk.dat", carrier=5.745e9)  # doctest: +SKIP
    >>> capture.csi.sel(subcarrier=capture.valid)  # doctest: +SKIP
    """
    _check_arguments(format, carrier, bandwidth, phase_sign)
    if packet_rate is not None:
        check_number("packet_rate", packet_rate, above=0, most=1e9)
    reading = Reading(
        path=Path(path),
        strict=strict,
        transmitter=transmitter,
        frame_kind=frame_kind,
        antennas=_antennas(antennas),
        part=part,
        chip=chip,
    )
    data = content(reading.path)
    if format == "auto":
        format = _detected(data, reading.path)
    packets = FORMATS[format].read(data, reading)
    capture = to_dataset(
        packets,
        reading,
        carrier=agreed("carrier", carrier, packets.carrier, "5.745e9", reading.path),
        bandwidth=agreed("bandwidth", bandwidth, packets.bandwidth, "20e6", reading.path),
        phase_sign=phase_sign,
        packet_rate=packet_rate,
    )
    return undo_rotation(capture)


def _check_arguments(
    format: str, carrier: float | None, bandwidth: float | None, phase_sign: int | None
) -> None:
    if format != "auto" and format not in FORMATS:
        raise InputError(
            f"format={format!r} is unknown; it can be 'auto', {', '.join(map(repr, FORMATS))} "
            "(--format at the command line)"
        )
    if carrier is not None and not 1e8 <= carrier <= 1e12:
        raise InputError(f"carrier={carrier!r} is not a radio frequency in Hz, e.g. carrier=5.745e9")
    if bandwidth is not None and not 1e6 <= bandwidth <= 1e9:
        raise InputError(f"bandwidth={bandwidth!r} is not a Wi-Fi bandwidth in Hz, e.g. bandwidth=20e6")
    if phase_sign not in (None, -1, 1):
        raise InputError(f"phase_sign={phase_sign!r} must be -1 (exp(-j2πfd/c)) or +1 (its conjugate)")


def _antennas(asked: Sequence[int] | None) -> tuple[int, ...] | None:
    if asked is None:
        return None
    antennas = (asked,) if isinstance(asked, int) else tuple(asked)
    if (
        not antennas
        or len(set(antennas)) != len(antennas)
        or not all(isinstance(a, int) and 0 <= a < 8 for a in antennas)
    ):
        raise InputError(
            f"antennas={asked!r} must be receive antennas, whole numbers from 0 to 7, each once, e.g. (0, 1)"
        )
    return tuple(sorted(antennas))


def _detected(data: bytes, path: Path) -> str:
    for name, candidate in FORMATS.items():
        if candidate.looks_like(data):
            return name
    raise CaptureError(
        f"{path}: no known capture format begins with {data[:8].hex(' ')}; "
        f"expected one of {', '.join(FORMATS)}, or name it with format= (--format at the command line)"
    )
