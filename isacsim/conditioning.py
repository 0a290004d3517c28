"""Captures to CSI that a spectrum can use: gains out, dead subcarriers out, common phase out, uniform in time.

Raw CSI carries a phase error ψ(t) and a timing error per packet (CFO, SFO, STO) that all receive channels share, and
an AGC gain. Four ways with them (method.md section 1):

- ``"product"``, the paper's: ``H_surv conj(H_ref)`` removes phase and timing. It also brings in the conjugate image of
  the reference's moving part (mirror peaks at (-a, -r)), second-order terms, and the gain squared. Divided here by the
  reference's rms, so that a unit path keeps about unit amplitude.
- ``"ratio"``: ``H_surv / H_ref`` removes the gain too. Where the reference fades the ratio explodes: it is
  regularised as ``H_surv conj(H_ref) / (|H_ref|² + ε²)``, ε a small share of the reference's rms on that
  subcarrier. Times that rms.
- ``"self"``: for a single receive channel, phase and slope over frequency of each packet are aligned to the capture's
  own mean channel. Right as far as the static part outweighs what moves; else it eats part of the motion.
- ``"none"``: as it is.

The order is gain, subcarriers, reference, resampling: a packet's phase error is as good as random, so nothing can be
interpolated before it is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "align_phase",
    "compensate_gain",
    "condition",
    "most_coherent_pair",
    "phase_coherence",
    "reference_factor",
    "reference_product",
    "remove_static",
    "resample",
    "usable_subcarriers",
]

Reference = Literal["auto", "product", "ratio", "self", "none"]
Gain = Literal["auto", "agc", "rssi", "none"]
Complex = NDArray[np.complex64]

# Regularisation of the CSI ratio, as a share of the reference's rms on each subcarrier (-20 dB).
_FADE = 0.1


def condition(
    capture: xr.Dataset,
    *,
    reference: Reference = "auto",
    pair: tuple[int, int] | None = None,
    gain: Gain = "auto",
    csi: str = "csi",
) -> xr.DataArray:
    """Make a capture's CSI ready for :func:`isacsim.aj_spectrum`.

    Parameters
    ----------
    capture : xarray.Dataset
        Simulated or read from a file.
    reference : {"auto", "product", "ratio", "self", "none"}
        How the common phase is removed (module docstring). "auto": the product if there is a reference channel; the
        pair of highest phase coherence if there are several channels and a phase error to remove; "self" if
        there is one; "none" if the capture has no phase error.
    pair : (int, int), optional
        Receivers (surveillance, reference) by position, instead of roles or coherence.
    gain : {"auto", "agc", "rssi", "none"}
        See :func:`compensate_gain`. "auto": by the reported AGC gain where a simulated capture has it.
    csi : str
        The variable to condition.

    Returns
    -------
    xarray.DataArray, complex64, dims (receiver, subcarrier, packet)
        Uniform in time; one receiver for each surveillance channel or the chosen pair. The attribute ``conditioning``
        says what was done, ``reference`` by which receiver (its position, -1 for none).

    Raises
    ------
    InputError
        Naming the argument that doesn't fit the capture.
    """
    if reference not in get_args(Reference):
        raise InputError(f"reference must be one of {', '.join(get_args(Reference))}, got {reference!r}.")
    array = usable_subcarriers(compensate_gain(capture, gain=gain, csi=csi))
    n_receiver = array.sizes["receiver"]
    roles = [str(r) for r in array.coords["role"].values]
    if pair is not None and (len(set(pair)) != 2 or not all(0 <= i < n_receiver for i in pair)):
        raise InputError(f"pair must be two different receivers from 0 to {n_receiver - 1}, got {pair}.")
    broken = bool(capture.attrs.get("shared_phase_error", 1))
    done, reference_index = "none", -1
    if reference == "auto":
        if pair is not None or "reference" in roles:
            reference = "product"
        elif not broken:
            reference = "none"
        else:
            reference = "product" if n_receiver > 1 else "self"
    if reference in ("product", "ratio"):
        surveillance, reference_index = _channels(array, roles, pair)
        done = f"{reference} with receiver {_names(array)[reference_index]}"
        array = reference_product(array, surveillance, reference_index, ratio=reference == "ratio")
    else:
        # A reference channel sees the targets by accident only: it is no receiver to analyse.
        seeing = [i for i, role in enumerate(roles) if role != "reference"]
        array = array.isel(receiver=seeing if pair is None else [pair[0]])
        if reference == "self":
            done = "phase aligned to the mean channel"
            array = align_phase(array)
    array = resample(array, _nominal_packets(capture, array))
    return array.assign_attrs(conditioning=done, reference=reference_index)


def compensate_gain(capture: xr.Dataset, *, gain: Gain = "auto", csi: str = "csi") -> xr.DataArray:
    """Undo the automatic gain control.

    Parameters
    ----------
    capture : xarray.Dataset
        With the packet variable ``agc_gain_db`` or ``rssi`` for the methods of that name.
    gain : {"auto", "agc", "rssi", "none"}
        "agc" divides by the reported gain. "rssi" scales each packet's mean power over receivers and subcarriers to the
        reported signal strength; chips round it to 1 dB, so it adds a jitter of about 0.3 dB: for large gain steps.
        "auto" is "agc" where ``agc_gain_db`` is there, else "none".
    csi : str
        The variable.

    Returns
    -------
    xarray.DataArray
    """
    if gain not in get_args(Gain):
        raise InputError(f"gain must be one of {', '.join(get_args(Gain))}, got {gain!r}.")
    if csi not in capture:
        raise InputError(
            f"the capture has no variable {csi!r}; it has {', '.join(map(str, capture.data_vars))}."
        )
    array = capture[csi]
    if "role" not in array.coords:
        array = array.assign_coords(role=("receiver", ["unknown"] * array.sizes["receiver"]))
    if gain == "auto":
        gain = "agc" if "agc_gain_db" in capture and csi == "csi" else "none"
    if gain == "none":
        return array
    name = "agc_gain_db" if gain == "agc" else "rssi"
    if name not in capture:
        raise InputError(
            f"gain={gain!r} needs the packet variable {name!r}, which this capture doesn't have."
        )
    if gain == "agc":
        factor = 10 ** (-capture[name].values / 20)
    else:
        power = (np.abs(array.values) ** 2).mean(axis=(0, 1), dtype=np.float64)
        level = 10 ** ((capture[name].values - capture[name].values.mean()) / 10)
        factor = np.sqrt(level * power.mean() / power)
    return array.copy(data=array.values * factor.astype(np.float32))


def usable_subcarriers(array: xr.DataArray) -> xr.DataArray:
    """Drop guard, DC and unoccupied subcarriers where the coordinate ``valid`` marks them."""
    if "valid" not in array.coords:
        return array
    return array.isel(subcarrier=np.flatnonzero(array.coords["valid"].values))


def phase_coherence(array: xr.DataArray) -> NDArray[np.float64]:
    """How well each pair of receivers keeps its phase difference over time.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)

    Returns
    -------
    numpy.ndarray, shape (receiver, receiver)
        ``median over k of |Σ_t H_i conj(H_j)| / Σ_t |H_i| |H_j|``: 1 for a common oscillator and a static scene,
        about 1/√packets for independent ones. The timing error is common as well and cancels.
    """
    h = array.transpose("receiver", "subcarrier", "packet").values
    n = h.shape[0]
    out = np.eye(n)
    for i in range(n):
        for j in range(i):
            cross = np.abs((h[i] * h[j].conj()).sum(axis=-1))
            size = (np.abs(h[i]) * np.abs(h[j])).sum(axis=-1)
            out[i, j] = out[j, i] = np.median(cross / np.maximum(size, np.finfo(np.float32).tiny))
    return out


def reference_product(
    array: xr.DataArray, surveillance: list[int], reference: int, *, ratio: bool = False
) -> xr.DataArray:
    """Conjugate product (the paper's eq. 1) or regularised ratio of receivers with a reference.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
    surveillance : list of int
        Receivers to keep, by position.
    reference : int
        The reference, by position.
    ratio : bool
        Ratio instead of product; both in the scale of the surveillance channel (module docstring).
    """
    array = array.transpose("receiver", "subcarrier", "packet")
    factor = reference_factor(array.values[reference], ratio=ratio)
    out = array.isel(receiver=surveillance)
    return out.copy(data=(out.values * factor).astype(np.complex64))


def most_coherent_pair(array: xr.DataArray) -> tuple[int, int]:
    """Choose two receivers by :func:`phase_coherence`.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
        At least two receivers.

    Returns
    -------
    (int, int)
        Positions of surveillance and reference. The steadier channel is the reference: relative to its mean power it
        fluctuates less.
    """
    coherence = phase_coherence(array) - np.eye(array.sizes["receiver"])
    i, j = np.unravel_index(int(coherence.argmax()), coherence.shape)
    power = np.abs(array.transpose("receiver", "subcarrier", "packet").values) ** 2
    unrest = power.std(axis=-1).mean(axis=-1) / np.maximum(
        power.mean(axis=(-1, -2)), np.finfo(np.float32).tiny
    )
    low, high = sorted((int(i), int(j)), key=lambda k: unrest[k])
    return high, low


def reference_factor(reference: Complex, *, ratio: bool) -> Complex:
    """What the product or ratio multiplies a surveillance channel by.

    Parameters
    ----------
    reference : numpy.ndarray, complex, shape (subcarrier, packet)
        The reference channel.
    ratio : bool
        ``rms_k conj(H) / (|H|² + (0.1 rms_k)²)`` instead of ``conj(H) / rms``.

    Raises
    ------
    InputError
        If the reference is all zero.
    """
    power = np.abs(reference) ** 2
    if not power.any():
        raise InputError(
            "the reference channel is all zero: a real antenna is dead, a simulated one has no static part "
            "(the scenario's environment is none; two_ray or rayleigh has one)."
        )
    if ratio:
        rms = np.sqrt(power.mean(axis=-1, keepdims=True))
        return np.asarray(
            rms * reference.conj() / np.maximum(power + (_FADE * rms) ** 2, np.finfo(np.float32).tiny)
        )
    return np.asarray(reference.conj() / np.sqrt(power.mean()))


def align_phase(array: xr.DataArray, rounds: int = 3) -> xr.DataArray:
    """Align each packet's phase and its slope over frequency to the capture's mean channel, receiver by receiver.

    The phase sanitisation of single-antenna sensing (Sen et al., "You are facing the Mona Lisa", MobiSys 2012;
    Kotaru et al., SpotFi, SIGCOMM 2015), against the mean channel instead of a straight line: for each packet the
    slope that best lines up neighbouring subcarriers with the mean, then the phase. The mean is made anew
    ``rounds`` times.

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (receiver, subcarrier, packet)
    rounds : int
        Alignments; the mean channel starts as the first packet.
    """
    array = array.transpose("receiver", "subcarrier", "packet")
    f = array.coords["frequency"].values
    offset = (f - f.mean())[:, np.newaxis]
    out = array.values.astype(np.complex128)
    # Neighbours at the most common spacing (grouped subcarriers have a few odd ones) give the slope.
    step = np.diff(f)
    spacing = float(np.median(step)) if f.size > 1 else 0.0
    common = np.abs(step - spacing) < 0.25 * abs(spacing)
    for channel in out:
        mean = channel[:, :1]
        for _ in range(rounds):
            z = channel * mean.conj()
            if common.any():
                pairs = (z[1:] * z[:-1].conj())[common]
                slope = np.angle(pairs.sum(axis=0)) / spacing
                z *= np.exp(-1j * offset * slope)
                channel *= np.exp(-1j * offset * slope)
            channel *= np.exp(-1j * np.angle(z.sum(axis=0)))
            mean = channel.mean(axis=1, keepdims=True)
    return array.copy(data=out.astype(np.complex64))


def resample(array: xr.DataArray, packets: int | None = None) -> xr.DataArray:
    """Bring jittered or lossy packets onto a uniform grid over the same span.

    A cubic spline through the packets, for real and imaginary part. Without gaps its error falls as (f/F)⁴ for a tone
    at frequency f in packets at rate F. At 60 Hz in 1000 packets/s its rms is 4e-5 of the amplitude with jitter of
    0.1 ms and 4e-4 with 5 % single losses; with the losses in bursts of 3 it is 0.08, nearly all of it inside gaps of
    5 packets and more, where half a turn is missing and no method can know it (at 20 Hz: 2e-3). White noise comes out
    with 1.0 to 1.6 times its power; a quintic spline would make that 1.1 to 13. Measured in
    ``tests/test_conditioning.py``. Already uniform CSI comes back as it is.

    Packets closer together than a quarter of the median interval are averaged to one first: the spline would take the
    noise between them for a steep slope and overshoot (in a 4366c0 capture to 11 000 times the median power).

    Parameters
    ----------
    array : xarray.DataArray, complex, dims (..., packet) with coordinate ``time`` in s
    packets : int, optional
        Packets of the grid, at least 2; default: the span over the median interval, plus one. With jitter the median
        is off by half a percent: give the number where it is known.

    Raises
    ------
    InputError
        If there are fewer than 6 packets, or a gap holds more than a tenth of the span.
    """
    time = np.asarray(array.coords["time"].values, np.float64)
    if time.size < 6:
        raise InputError(f"resampling needs at least 6 packets, got {time.size}.")
    steps = np.diff(time)
    if steps.min() <= 0:
        raise InputError("time must ascend strictly from packet to packet.")
    span = time[-1] - time[0]
    if packets is not None and packets < 2:
        raise InputError(f"packets must be at least 2, got {packets}.")
    if packets is None:
        packets = round(span / float(np.median(steps))) + 1
    grid = np.linspace(time[0], time[-1], packets)
    if packets == time.size and np.abs(grid - time).max() < 1e-3 * span / packets:
        return array
    if steps.max() > 0.1 * span:
        raise InputError(
            f"a gap of {steps.max():.3g} s holds more than a tenth of the window of {span:.3g} s; cut the capture "
            "there."
        )
    array = array.transpose(..., "packet")
    values = np.ascontiguousarray(array.values, np.complex64)
    flat = values.reshape(-1, time.size).view(np.float32).reshape(-1, time.size, 2).swapaxes(0, 1)
    start, rows = time[0], flat.reshape(time.size, -1)
    time, rows = _merge_close(time, rows, float(np.median(steps)) / 4)
    if time.size < 6:
        raise InputError(f"resampling needs at least 6 packets at different times, got {time.size}.")
    grid = np.linspace(time[0], time[-1], packets)
    made = make_interp_spline(time - start, rows, k=3)(grid - start)
    pairs = made.astype(np.float32).reshape(packets, -1, 2).swapaxes(0, 1)
    out = np.ascontiguousarray(pairs).view(np.complex64)[..., 0].reshape(*values.shape[:-1], packets)
    coords: dict[Any, Any] = {n: c for n, c in array.coords.items() if "packet" not in c.dims}
    coords["time"] = ("packet", grid, array.coords["time"].attrs)
    import xarray as xr

    return xr.DataArray(out, dims=array.dims, coords=coords, name=array.name, attrs=array.attrs)


def _merge_close(
    time: NDArray[np.float64], rows: NDArray[np.float32], closest: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Average packets (packet, ...) that come within ``closest`` seconds of the first of their group."""
    if np.diff(time).min() >= closest:
        return time, rows
    first = [0]
    for i in range(1, time.size):
        if time[i] - time[first[-1]] >= closest:
            first.append(i)
    count = np.diff([*first, time.size])
    mean = np.add.reduceat(rows, first) / count[:, np.newaxis]
    merged = np.add.reduceat(time, first) / count
    merged[[0, -1]] = time[[0, -1]]  # the span stays
    return merged, mean.astype(np.float32)


def remove_static(array: xr.DataArray) -> xr.DataArray:
    """Zero the zero-frequency bin over the window: subtract the mean over packets (method.md section 2, step 1)."""
    mean = array.mean("packet", dtype=np.complex128)
    return array.copy(data=(array - mean).transpose(*array.dims).values.astype(array.dtype))


def _nominal_packets(capture: xr.Dataset, array: xr.DataArray) -> int | None:
    """Packets that a capture of known packet rate would have over its span, had all come in time."""
    if "packet_rate" not in capture.attrs or array.sizes["packet"] < 2:
        return None
    time = array.coords["time"].values
    return round(float(time[-1] - time[0]) * float(capture.attrs["packet_rate"])) + 1


def _names(array: xr.DataArray) -> list[Any]:
    if "receiver" in array.coords:
        return list(array.coords["receiver"].values)
    return list(range(array.sizes["receiver"]))


def _channels(array: xr.DataArray, roles: list[str], pair: tuple[int, int] | None) -> tuple[list[int], int]:
    """Receivers to analyse and the reference: as asked, by role, or by coherence."""
    n = len(roles)
    if pair is not None:
        return [pair[0]], pair[1]
    if "reference" in roles:
        return [i for i, r in enumerate(roles) if r != "reference"], roles.index("reference")
    if n < 2:
        raise InputError(
            "product and ratio need two receive channels, this capture has one; use reference='self'."
        )
    surveillance, reference = most_coherent_pair(array)
    return [surveillance], reference
