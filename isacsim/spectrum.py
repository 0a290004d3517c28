"""CSI to the acceleration-jerk (AJ) spectrum, method.md section 2 (the paper's eq. 1-10), and the Doppler spectrogram.

The erratum in one line: the paper's (19) and (20) swap the axes; from (6) and (8), ``a = f_τ c / (4 f φ)`` and
``r = f_η s c / (2 f φ)``, which is what the axes here are.

Combining subcarriers: "coherent" averages R over them, so cross-terms of paths at different lengths and noise
fall while self-terms stay. As κ is proportional to f_k, a path's R turns by ``(f_k - f) (v + a t + r t²/2)
2φ/c`` cycles across the band: over a bandwidth B its amplitude falls to ``sinc(B (v + a t + r t²/2) 2φ/c)``,
real and positive up to |v + a t + r t²/2| = c / (2φ B), so the peak stays where it is. At 80 MHz and φ = 91
ms that is 0.97 in R at 3 m/s and the first null at 20 m/s. "single", "noncoherent" and "delay" have no such
loss; "noncoherent" evaluates the axes within 0.1 % of each subcarrier's own frequency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import get_window

from isacsim import csi_array
from isacsim.aj_transform import plan
from isacsim.axes import ACCELERATION_MAX, BINS, JERK_MAX, WindowGrid, symmetric_axis
from isacsim.csi_array import CsiArray
from isacsim.errors import InputError
from isacsim.lag_product import lag_product

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SpectrumSettings", "aj_spectrum", "self_term_spectrum"]

Combine = Literal["single", "noncoherent", "coherent", "delay"]
Lags = Literal["positive", "symmetric"]
Axis = ArrayLike | Literal["natural"] | None

# Subcarriers within this relative distance of a common frequency share its axes ("noncoherent").
_SAME_FREQUENCY = 1e-3


@dataclass(frozen=True, kw_only=True)
class SpectrumSettings:
    """What a spectrum is made with; the fields are :func:`aj_spectrum`'s arguments.

    Raises
    ------
    InputError
        Naming the argument, what was passed and what is allowed.
    """

    acceleration: Axis = None
    jerk: Axis = None
    lag_ratio: float = 0.089
    lags: Lags = "positive"
    min_lag: float = 0.12
    window: str | None = None
    combine: Combine = "coherent"
    remove_static: bool = True
    subcarrier: int | None = None
    delays: int = 8
    delay_window: str = "hann"
    decimation: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("lags", get_args(Lags)), ("combine", get_args(Combine))):
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}.")
        if not 0 <= self.min_lag < 0.9:
            raise InputError(f"min_lag must be at least 0 and below 0.9 of R's length, got {self.min_lag}.")
        if self.delays < 1:
            raise InputError(f"delays must be at least 1, got {self.delays}.")
        if self.decimation is not None and self.decimation < 1:
            raise InputError(f"decimation must be at least 1, got {self.decimation}.")
        for name in ("window", "delay_window"):
            value = getattr(self, name)
            try:
                get_window(value or "boxcar", 8)
            except ValueError as error:
                raise InputError(
                    f"{name} must be a name that scipy.signal.get_window knows, got {value!r}."
                ) from error

    def axes(self, grid: WindowGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The acceleration and jerk axis on a window, checked against its unambiguous range."""
        pair = []
        for name, given, natural, largest in (
            ("acceleration", self.acceleration, 0, ACCELERATION_MAX),
            ("jerk", self.jerk, 1, JERK_MAX),
        ):
            if given is None:
                axis = symmetric_axis(largest, BINS)
            elif isinstance(given, str):
                if given != "natural":
                    raise InputError(f"{name} must be an array of values, 'natural' or None, got {given!r}.")
                axis = grid.natural(self.min_lag)[natural]
            else:
                axis = np.asarray(given, np.float64)
            if axis.ndim != 1 or axis.size == 0 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
                raise InputError(
                    f"{name} must be finite values that ascend, got an array of shape {axis.shape}."
                )
            pair.append(axis)
        grid.check(float(np.abs(pair[0]).max()), float(np.abs(pair[1]).max()))
        return pair[0], pair[1]


def aj_spectrum(
    csi: ArrayLike | xr.DataArray,
    *,
    time: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    acceleration: Axis = None,
    jerk: Axis = None,
    lag_ratio: float = 0.089,
    lags: Lags = "positive",
    min_lag: float = 0.12,
    window: str | None = None,
    combine: Combine = "coherent",
    remove_static: bool = True,
    phase_sign: int | None = None,
    subcarrier: int | None = None,
    delays: int = 8,
    delay_window: str = "hann",
    decimation: int | None = None,
) -> xr.DataArray:
    """Acceleration-jerk spectrum of CSI.

    Parameters
    ----------
    csi : array_like or xarray.DataArray, complex, shape (..., subcarrier, packet)
        CSI, uniform in time (else see :func:`isacsim.conditioning.resample`). Any leading axes are kept.
    time : array_like, shape (packet,), optional
        Packet times in s; default: the coordinate ``time``. Only the spacing matters: acceleration refers to the
        window's centre whatever the origin.
    frequency : array_like, shape (subcarrier,), optional
        Absolute subcarrier frequencies in Hz; default: the coordinate ``frequency``.
    acceleration, jerk : array_like, "natural" or None
        Axes in m/s² and m/s³. None: 64 bins over ±8 and ±40. "natural": the grid of the paper's FFTs, steps of one
        resolution cell over the unambiguous range.
    lag_ratio : float
        φ/Q of eq. (12); the lag is rounded to packets.
    lags : {"positive", "symmetric"}
        Lags of the autocorrelation (eq. 4): from ``min_lag`` of R's length up to all of it, or all of both
        signs, which is the chirp periodogram of R.
    min_lag : float
        Least positive lag as a share of R's length: the paper's τ_d.
    window : str, optional
        Window over R by its scipy name; default none.
    combine : {"single", "noncoherent", "coherent", "delay"}
        One subcarrier; mean of P over subcarriers; mean of R over subcarriers (default); one spectrum a delay bin.
    remove_static : bool
        Zero the zero-frequency bin over the window first. It takes slow paths along: (0, 0, 0) is gone, and what
        is left of a path near zero Doppler interferes with itself. On the default axes the peak stays within
        0.15 bins where the notch takes less than 1 % of the path's energy, within half a bin below 10 %.
    phase_sign : {-1, 1}, optional
        Sign σ of the CSI's phase; default: the attribute ``phase_sign`` of the array, else -1 (physics).
    subcarrier : int, optional
        Index for ``combine="single"``; default: the middle one.
    delays : int
        Delay bins for ``combine="delay"``: n / bandwidth, n = 0..delays-1.
    delay_window : str
        Window over subcarriers for ``combine="delay"``, by its scipy name.
    decimation : int, optional
        Rate reduction of R before the transform; default: as much as the axes' band, or the default axes' if wider,
        allows. On the default axes it differs from the full sum by below 1 % of the maximum of a spectrum with paths
        in it, by up to 3 % for noise alone. 1: none (equal to the full sum to 1e-4).

    Returns
    -------
    xarray.DataArray, float32, dims (..., [delay,] acceleration, jerk)
        Linear magnitude of P; one noise-free path of unit amplitude peaks at 1, others as amplitude⁴.

    Raises
    ------
    InputError
        If the window is too short, time is not uniform, the axes exceed the unambiguous range (the sentence says the
        limit in numbers), shapes don't fit or a value is not finite.

    Examples
    --------
    >>> import isacsim
    >>> capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=1)
    >>> isacsim.aj_spectrum(capture.csi).dims
    ('receiver', 'acceleration', 'jerk')
    """
    settings = SpectrumSettings(
        acceleration=acceleration,
        jerk=jerk,
        lag_ratio=lag_ratio,
        lags=lags,
        min_lag=min_lag,
        window=window,
        combine=combine,
        remove_static=remove_static,
        subcarrier=subcarrier,
        delays=delays,
        delay_window=delay_window,
        decimation=decimation,
    )
    array = csi_array.read(csi, time=time, frequency=frequency, phase_sign=phase_sign)
    return _spectrum(array, settings, array.values[..., np.newaxis, :, :], array.dims)


def self_term_spectrum(
    paths: ArrayLike | xr.DataArray,
    *,
    time: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    phase_sign: int | None = None,
    **settings: Any,
) -> xr.DataArray:
    """Clean spectrum: the self-terms of several paths and nothing else (method.md section 3).

    Parameters
    ----------
    paths : array_like or xarray.DataArray, complex, shape (..., path, subcarrier, packet)
        Each path's own CSI; at least one path.
    time, frequency, phase_sign
        As for :func:`aj_spectrum`.
    **settings
        The other arguments of :func:`aj_spectrum`.

    Returns
    -------
    xarray.DataArray, float32, dims (..., [delay,] acceleration, jerk)
        Magnitude of the complex sum over paths of each path's own spectrum.

    Raises
    ------
    InputError
        As :func:`aj_spectrum`.
    """
    array = csi_array.read(paths, time=time, frequency=frequency, phase_sign=phase_sign)
    if array.values.ndim < 3:
        raise InputError(f"paths must be (..., path, subcarrier, packet), got shape {array.values.shape}.")
    return _spectrum(array, SpectrumSettings(**settings), array.values, array.dims[:-1])


def _spectrum(
    array: CsiArray, settings: SpectrumSettings, values: NDArray[np.complex64], dims: tuple[str, ...]
) -> xr.DataArray:
    """Spectra of values (..., group, subcarrier, packet): the self-terms of a group are added."""
    import xarray as xr

    interval = array.interval
    lead = values.shape[:-3]
    values = values.reshape(-1, *values.shape[-3:])
    carrier = float(array.frequency.mean())
    grid = WindowGrid(array.time.size, interval, carrier, settings.lag_ratio)
    a, r = settings.axes(grid)
    coords: dict[str, Any] = {n: c for n, c in array.coords.items() if set(c.dims) <= set(dims)}
    coords["acceleration"] = ("acceleration", a, {"units": "m/s2", "long_name": "path acceleration"})
    coords["jerk"] = ("jerk", r, {"units": "m/s3", "long_name": "path jerk"})
    out_dims = [*dims, "acceleration", "jerk"]
    if settings.combine == "delay":
        delay, values = _delay_bins(values, array, settings)
        coords["delay"] = ("delay", delay, {"units": "s", "long_name": "path delay"})
        out_dims.insert(-2, "delay")
        lead = (*lead, delay.size)
    elif settings.combine == "single":
        k = array.frequency.size // 2 if settings.subcarrier is None else settings.subcarrier
        if not -array.frequency.size <= k < array.frequency.size:
            raise InputError(f"subcarrier must be below {array.frequency.size}, got {k}.")
        values = values[:, :, [k]]
        carrier = float(array.frequency[k])
    if settings.combine == "noncoherent":
        spectrum = np.zeros((values.shape[0], a.size, r.size), np.float32)
        for block in _frequency_blocks(array.frequency):
            f = float(array.frequency[block].mean())
            part = _transform(values[:, :, block], grid, f, a, r, settings, array.phase_sign, average=False)
            spectrum += part.sum(axis=1) * np.float32(1 / array.frequency.size)
    else:
        spectrum = _transform(values, grid, carrier, a, r, settings, array.phase_sign, average=True)[:, 0]
    return xr.DataArray(
        spectrum.reshape(*lead, a.size, r.size),
        dims=out_dims,
        coords=coords,
        name="aj_spectrum",
        attrs={
            "units": "1",
            "long_name": "acceleration-jerk spectrum, linear magnitude (amplitude to the fourth)",
            "carrier": carrier,
            "lag_packets": grid.lag,
            "packets": grid.packets,
            "packet_interval": interval,
            "lags": settings.lags,
            "min_lag": settings.min_lag,
            "window": settings.window or "none",
            "combine": settings.combine,
        },
    )


def _transform(
    values: NDArray[np.complex64],
    grid: WindowGrid,
    frequency: float,
    acceleration: NDArray[np.float64],
    jerk: NDArray[np.float64],
    settings: SpectrumSettings,
    phase_sign: int,
    *,
    average: bool,
) -> NDArray[np.float32]:
    """Magnitude (capture, 1 or subcarrier, a, r) of values (capture, group, subcarrier, packet) at one frequency."""
    n, group, n_sub, n_packet = values.shape
    r = lag_product(
        values.reshape(n * group, n_sub, n_packet),
        2 * grid.lag,
        remove_static=settings.remove_static,
        phase_sign=phase_sign,
        average=average,
    )
    made = plan(
        grid.length,
        grid.interval,
        grid.kappa * frequency / grid.frequency,
        acceleration,
        jerk,
        lags=settings.lags,
        min_lag=settings.min_lag,
        window=settings.window,
        decimation=settings.decimation,
    )
    # (capture, group, subcarrier, N) -> one row a capture and subcarrier, groups beside each other
    rows = r.reshape(n, group, -1, grid.length).swapaxes(1, 2).reshape(-1, group, grid.length)
    return made(rows).reshape(n, -1, acceleration.size, jerk.size)


def _delay_bins(
    values: NDArray[np.complex64], array: CsiArray, settings: SpectrumSettings
) -> tuple[NDArray[np.float64], NDArray[np.complex64]]:
    """Delay bins (capture·delay, group, 1, packet) of the windowed inverse DFT over subcarriers.

    With phase sign -1 positive delays come out of an inverse DFT over ascending frequency (method.md section
    2); written as a matrix, it takes any subcarriers. A unit path in the middle of a bin comes out with
    amplitude 1.
    """
    f = array.frequency
    if f.size < 2:
        raise InputError("combine='delay' needs at least two subcarriers, got one.")
    spacing = float(np.diff(f).min())
    width = float(f.max() - f.min()) + spacing
    limit = int(width / spacing)
    if settings.delays > limit:
        raise InputError(f"delays must be at most {limit} with {f.size} subcarriers, got {settings.delays}.")
    delay = np.arange(settings.delays) / width
    samples = get_window(settings.delay_window, 4096, fftbins=False)
    taper = np.interp(f, np.linspace(f.min() - spacing / 2, f.max() + spacing / 2, 4096), samples)
    # Relative to the centre frequency: the common phase is constant in time and cancels in R.
    turns = -array.phase_sign * (f - f.mean()) * delay[:, np.newaxis]
    matrix = (np.exp(2j * np.pi * turns) * taper / taper.sum()).astype(np.complex64)
    bins = matrix @ values  # (capture, group, delay, packet)
    return delay, np.ascontiguousarray(bins.swapaxes(1, 2)).reshape(-1, values.shape[1], 1, values.shape[-1])


def _frequency_blocks(frequency: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Subcarriers in blocks that span at most 0.2 % of their frequency."""
    bin_of = np.floor(np.log(frequency / frequency.min()) / np.log1p(2 * _SAME_FREQUENCY)).astype(int)
    return [np.flatnonzero(bin_of == b) for b in np.unique(bin_of)]
