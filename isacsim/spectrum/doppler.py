"""CSI to a Doppler spectrogram: the field's usual picture, for comparison with the acceleration-jerk spectrum.

A path whose length grows at v has the Doppler frequency ``-v f/c``. The spectrogram takes the phase sign out, so that
this holds for any receiver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import speed_of_light
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from isacsim import csi as csi_array
from isacsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["doppler_spectrogram"]

# Frequencies are interpolated by this factor (zero padding), so that a peak between two bins shows.
_PADDING = 2
_MIN_PACKETS = 8
# Complex values held at once: 16 MiB.
_MOST_VALUES = 2**20


def doppler_spectrogram(
    csi: ArrayLike | xr.DataArray,
    *,
    time: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    window_s: float = 0.128,
    hop_s: float | None = None,
    phase_sign: int | None = None,
    remove_static: bool = True,
) -> xr.DataArray:
    """Doppler spectrogram of CSI, its power averaged over subcarriers.

    Parameters
    ----------
    csi : array_like or xarray.DataArray, complex, shape (..., subcarrier, packet)
        CSI, uniform in time (else see :func:`isacsim.conditioning.resample`). Any leading axes are kept.
    time : array_like, shape (packet,), optional
        Packet times in s; default: the coordinate ``time``.
    frequency : array_like, shape (subcarrier,), optional
        Absolute subcarrier frequencies in Hz; default: the coordinate ``frequency``.
    window_s : float
        Length of the Hann window in s. Its resolution is about 1.4 / window_s in Hz.
    hop_s : float, optional
        Time from one column to the next in s; default: an eighth of the window.
    phase_sign : {-1, 1}, optional
        Sign of the CSI's phase; default: the attribute ``phase_sign`` of the array, else -1 (physics).
    remove_static : bool
        Subtract the mean over packets first.

    Returns
    -------
    xarray.DataArray, float32, dims (..., doppler, time)
        Power; a noise-free path of unit amplitude and constant speed reaches 1. ``doppler`` in Hz ascends; a
        growing path (v > 0) has a negative one, ``-v f/c``, whatever the phase sign. ``path_velocity`` (doppler) is
        that v in m/s. ``time`` is the middle of each window, on the clock of the packets; windows that would stick out
        over the ends are left out.

    Raises
    ------
    InputError
        If the window holds fewer than 8 packets or more than there are, time is not uniform, shapes don't fit or
        a value is not finite.

    Examples
    --------
    >>> import isacsim
    >>> capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=1)
    >>> isacsim.doppler_spectrogram(capture.csi).dims
    ('receiver', 'doppler', 'time')
    """
    import xarray as xr

    array = csi_array.read(csi, time=time, frequency=frequency, phase_sign=phase_sign)
    interval, packets = array.interval, array.time.size
    length = _packets("window_s", window_s, interval, _MIN_PACKETS, packets)
    hop = max(1, length // 8) if hop_s is None else _packets("hop_s", hop_s, interval, 1, packets)
    transform = ShortTimeFFT(
        hann(length, sym=False),
        hop,
        1 / interval,
        fft_mode="centered",
        mfft=_PADDING * length,
        scale_to="magnitude",
        # Only the power counts; and with a phase shift, SciPy 1.17 can't pad arrays of more than two dimensions.
        phase_shift=None,
    )
    # Only windows that lie wholly inside: zeros past the ends would smear the first and last columns.
    first, last = transform.lower_border_end[1], transform.upper_border_begin(packets)[1]
    last = max(last, first + 1)
    power = _mean_power(array.values, transform, first, last, array.phase_sign, remove_static)
    carrier = float(array.frequency.mean())
    doppler = np.asarray(transform.f)
    middle = array.time[0] + np.asarray(transform.t(packets, first, last))
    coords: dict[str, Any] = {n: c for n, c in array.coords.items() if n != "time"}
    coords["doppler"] = ("doppler", doppler, {"units": "Hz", "long_name": "Doppler frequency"})
    coords["path_velocity"] = (
        "doppler",
        -doppler * speed_of_light / carrier,
        {"units": "m/s", "long_name": "rate of change of the path length"},
    )
    coords["time"] = ("time", middle, {"units": "s", "long_name": "middle of the window"})
    return xr.DataArray(
        power,
        dims=(*array.dims, "doppler", "time"),
        coords=coords,
        name="doppler_spectrogram",
        attrs={
            "units": "1",
            "long_name": "Doppler spectrogram, power",
            "carrier": carrier,
            "window_packets": length,
            "hop_packets": hop,
            "packet_interval": interval,
        },
    )


def _packets(name: str, seconds: float, interval: float, fewest: int, most: int) -> int:
    packets = round(seconds / interval) if np.isfinite(seconds) else 0
    if not fewest <= packets <= most:
        raise InputError(
            f"{name} {seconds:g} s makes {packets} packets at {1 / interval:.4g} packets/s; it must lie between "
            f"{fewest * interval:.3g} and {most * interval:.3g} s."
        )
    return packets


def _mean_power(
    values: NDArray[np.complex64],
    transform: ShortTimeFFT,
    first: int,
    last: int,
    phase_sign: int,
    remove_static: bool,
) -> NDArray[np.float32]:
    """Power (..., doppler, time) averaged over subcarriers, some at a time to keep memory small."""
    n_subcarrier = values.shape[-2]
    total = np.zeros((*values.shape[:-2], transform.f_pts, last - first), np.float64)
    block = max(1, _MOST_VALUES // total.size)
    for k in range(0, n_subcarrier, block):
        signal = values[..., k : k + block, :]
        if remove_static:
            signal = signal - signal.mean(axis=-1, keepdims=True)
        if phase_sign > 0:
            signal = signal.conj()
        made = transform.stft(signal, p0=first, p1=last)
        total += (made.real**2 + made.imag**2).sum(axis=-3)
    return (total / n_subcarrier).astype(np.float32)
