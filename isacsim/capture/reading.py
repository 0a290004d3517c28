"""One function for all capture formats: detect, read, check against the arguments, label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import xarray as xr

from isacsim.capture.formats import atheros, esp32, intel5300, nexmon, picoscenes
from isacsim.capture.labelling import agreed, to_dataset
from isacsim.capture.packets import Packets
from isacsim.capture.tones import undo_rotation
from isacsim.errors import CaptureError, InputError

__all__ = ["FORMATS", "read_capture"]


@dataclass(frozen=True)
class Format:
    """A capture format: does this content look like it, and how to read it."""

    looks_like: Callable[[bytes], bool]
    read: Callable[[bytes, Path], Packets]


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
) -> xr.Dataset:
    """Read a capture of Wi-Fi channel state information into the schema of simulated captures.

    Parameters
    ----------
    path : str or path-like
        The file.
    format : {"auto", "intel5300", "nexmon", "atheros", "picoscenes", "esp32"}
        "auto" decides by the content, not by the name.
    carrier : float, optional
        Centre frequency of the channel [Hz]. Needed for Intel 5300, whose files don't say it.
    bandwidth : float, optional
        Bandwidth [Hz]. All formats carry it; given, it is checked against the file.
    phase_sign : {-1, +1}, optional
        -1 if the CSI of a path of length d goes as exp(-j2πfd/c), +1 if it is the conjugate. No format states
        it: without the argument it is -1, and `phase_sign_source` says "assumed". What speaks for -1:
        receivers start their FFT early, in the guard interval, which delays every path; so the phase must
        fall with frequency, as it does in every Intel 5300, 43455c0 and 4366c0 capture tried. The 4339's
        rose; Atheros, ESP32 and USRP take the slope out and don't tell.

    Returns
    -------
    xarray.Dataset
        `csi` complex64 (receiver, subcarrier, packet), raw: gain changes are not undone; one receiver for
        each pair of receive antenna `rx_element` and transmit stream `tx_element`. Coordinates `frequency` [Hz] and
        `subcarrier_index` (subcarrier), `valid` (subcarrier), False where there is no signal but maybe
        garbage, `time` [s] (packet), strictly increasing from 0, `role` (receiver) = "unknown". Where the
        file has them, `rssi`, `agc` [dB], `noise` (packet). Attributes: `format`, `chip`, `carrier`,
        `bandwidth` [Hz], `phase_sign`, `phase_sign_source`, `source`, and `warnings`: one line for each thing
        that was dropped or repaired.

        Tones that 40 and 80 MHz frames rotate are turned back where all of the capture shows it
        (`isacsim.capture.tones`). Packets that repeat or go back in time are dropped (`isacsim.capture.clock`), 32-bit
        clocks unwrapped;
        of packets with several layouts (tones, antennas, transmitter) the most common one is kept.

    Raises
    ------
    CaptureError
        If the file is missing, empty, truncated, foreign, of an unknown chip, holds no CSI, contradicts an
        argument, or lacks a carrier that is not given either.
    InputError
        If an argument is none of those allowed.

    Warns
    -----
    CaptureWarning
        If streams are dead or copies of one another; they are dropped.

    Examples
    --------
    >>> capture = read_capture("walk.dat", carrier=5.745e9)  # doctest: +SKIP
    >>> capture.csi.sel(subcarrier=capture.valid)  # doctest: +SKIP
    """
    _check_arguments(format, carrier, bandwidth, phase_sign)
    path = Path(path)
    data = _content(path)
    if format == "auto":
        format = _detected(data, path)
    packets = FORMATS[format].read(data, path)
    capture = to_dataset(
        packets,
        path,
        carrier=agreed("carrier", carrier, packets.carrier, "5.745e9", path),
        bandwidth=agreed("bandwidth", bandwidth, packets.bandwidth, "20e6", path),
        phase_sign=phase_sign,
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
        raise InputError(f"carrier={carrier!r} is no radio frequency in Hz, e.g. carrier=5.745e9")
    if bandwidth is not None and not 1e6 <= bandwidth <= 1e9:
        raise InputError(f"bandwidth={bandwidth!r} is no Wi-Fi bandwidth in Hz, e.g. bandwidth=20e6")
    if phase_sign not in (None, -1, 1):
        raise InputError(f"phase_sign={phase_sign!r} must be -1 (exp(-j2πfd/c)) or +1 (its conjugate)")


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise CaptureError(f"{path}: this is a directory, expected a capture file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CaptureError(f"{path}: can't be read ({error.strerror or error})") from error
    if not data:
        raise CaptureError(f"{path}: the file is empty, expected a capture")
    return data


def _detected(data: bytes, path: Path) -> str:
    for name, candidate in FORMATS.items():
        if candidate.looks_like(data):
            return name
    raise CaptureError(
        f"{path}: no known capture format begins with {data[:8].hex(' ')}; "
        f"expected one of {', '.join(FORMATS)}, or name it with format= (--format at the command line)"
    )
