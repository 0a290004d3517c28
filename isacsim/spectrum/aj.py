"""CSI to the acceleration-jerk (AJ) spectrum, method.md section 2 (the paper's eq. 1-10), and the Doppler spectrogram.

The erratum in one line: the paper's (19) and (20) swap the axes; from (6) and (8), ``a = f_τ c / (4 f φ)`` and
``r = f_η s c / (2 f φ)``, which is what the axes here are.

Combining subcarriers: "coherent" averages R over them, so cross-terms of paths at different lengths and noise fall
while self-terms stay. As κ is proportional to f_k, a path's R turns by ``(f_k - f) (v + a t + r t²/2) 2φ/c`` cycles
across the band. Over a bandwidth B its amplitude falls to ``sinc(B (v + a t + r t²/2) 2φ/c)``. This is real and
positive up to |v + a t + r t²/2| = c / (2φ B), so the peak stays where it is. At 80 MHz and φ = 91 ms that is 0.97 in
R at 3 m/s and the first null at 20 m/s. "single", "noncoherent" and "delay" have no such loss; "noncoherent"
evaluates the axes within 0.1 % of each subcarrier's own frequency.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from isacsim import csi as csi_array
from isacsim.csi import CsiArray
from isacsim.errors import InputError
from isacsim.schema import AXES, described
from isacsim.spectrum.antennas import antennas_of
from isacsim.spectrum.plan import LagProducts, SpectrumPlan, spectra
from isacsim.spectrum.resolved import CellProducts
from isacsim.spectrum.settings import (
    EQUALISE,
    Axis,
    Beams,
    Chains,
    Combine,
    Lags,
    SpectrumSettings,
    settings_attrs,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["aj_spectrum", "labelled", "self_term_spectrum"]


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
    window: str | None = "auto",
    combine: Combine = "coherent",
    remove_static: bool = True,
    phase_sign: int | None = None,
    subcarrier: int | None = None,
    delays: int = 8,
    delay_window: str | None = "auto",
    decimation: int | None = None,
    lag_window: str | None = "auto",
    antennas: tuple[int, int] | None = None,
    beams: Beams = "auto",
    equalise: float = EQUALISE,
    cube: bool = False,
    device: str | None = None,
    chains: Chains = "estimated",
) -> xr.DataArray:
    """Acceleration-jerk spectrum of CSI.

    Parameters
    ----------
    csi : array_like or xarray.DataArray, complex, shape (..., subcarrier, packet)
        CSI, uniform in time (else see :func:`isacsim.conditioning.resample`). Any leading axes are kept.
        For "resolved" (..., n_rx * n_tx, subcarrier, packet): the antenna pairs of one device, all transmitting
        elements of the first receiving one first.
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
    window : str or None
        Window over R by its scipy name; for "resolved" with positive lags over the time that each lag leaves. "auto":
        "hann" for "resolved", else none.
    combine : {"single", "noncoherent", "coherent", "delay", "resolved"}
        In this order: one subcarrier; mean of P over subcarriers; mean of R over subcarriers (default); one spectrum
        a delay bin; cells of delay and angles. Each of these cells has its own spectrum; they are equalised and
        added. So cross-terms remain only between paths that share a cell. Cells and delays below 1 % of the energy of
        the strongest are left out, and so are all but the 256 strongest cells.
    remove_static : bool
        Zero the zero-frequency bin over the window first. It also removes slow paths: (0, 0, 0) is lost, and the rest
        of a path near zero Doppler interferes with itself. On the default axes the peak stays within 0.15 bins where
        the notch takes less than 1 % of the path's energy, within half a bin below 10 %.
    phase_sign : {-1, 1}, optional
        Sign σ of the CSI's phase; default: the attribute ``phase_sign`` of the array, else -1 (physics).
    subcarrier : int, optional
        Index for ``combine="single"``; default: the middle one.
    delays : int
        Delay bins for ``combine="delay"``: n / bandwidth, n = 0..delays-1.
    delay_window : str or None
        Window over subcarriers for "delay" and "resolved", by its scipy name. "auto": "hann" for "delay", none for
        "resolved" (narrower cells separate more than side lobes cost).
    decimation : int, optional
        Rate reduction of R before the transform; default: as much as the axes' band, or the default axes' if wider,
        allows. On the default axes it differs from the full sum by below 1 % of the maximum of a spectrum with paths
        in it, by up to 3 % for noise alone. 1: none (equal to the full sum to 1e-4).
    lag_window : str or None
        Window over the positive lags by its scipy name. "auto": "hann" for "resolved", else none.
    antennas : (int, int), optional
        For "resolved": receiving and transmitting elements of ``csi``'s pairs. Default: as the coordinates ``device``,
        ``rx_element`` and ``tx_element`` say; (1, 1) without any.
    beams : {"auto", "fixed", "blind"}
        For "resolved": "fixed" is a DFT over each array's elements. "blind" separates paths by the statistics of
        their samples (:mod:`isacsim.spectrum.separation`). "auto" takes "blind" where it can be trusted.
    equalise : float
        For "resolved", β from 0 to 1: a path of amplitude A peaks at A^(4(1-β)). 0: strong paths rule, 1: all alike.
    cube : bool
        For "resolved": give the spectrum of each cell, neither equalised nor summed.
    chains : {"estimated", "known"}
        For "resolved" with fixed beams of arrays in uniform rows. "estimated" first removes constant phases of the
        receive and transmit chains, as the moving paths show them (:mod:`isacsim.spectrum.chains`). "known" assumes
        that there are none, as a ``cube`` always does.
    device : str, optional
        Transform by torch on this device ("cpu", "cuda", ...): equal to 1e-4 of the maximum. The cells and lag products
        before it are made on the processor. Default: by numba, bit by bit the same on any number of threads.

    Returns
    -------
    xarray.DataArray, float32, dims (..., [delay, [beam,]] acceleration, jerk)
        Linear magnitude of P; one noise-free path of unit amplitude peaks at 1, others as amplitude⁴, for "resolved"
        as amplitude^(4(1-β)). A band in which a walker crosses cells (3 m/s: wider than 87 MHz at 1.024 s) is split
        for "resolved", whose image is the mean of its parts'.

    Raises
    ------
    InputError
        If the window is too short, time is not uniform, shapes do not fit or a value is not finite. Also if the axes
        exceed the unambiguous range; the sentence then gives the limit in numbers.
    ImportError
        If there is a ``device`` but no torch.

    Notes
    -----
    The spectrum is eq. (M6) of docs/method.md, the image of "resolved" eq. (M7).

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
        lag_window=lag_window,
        antennas=antennas,
        beams=beams,
        equalise=equalise,
        cube=cube,
        device=device,
        chains=chains,
    )
    array = csi_array.read(csi, time=time, frequency=frequency, phase_sign=phase_sign)
    if combine == "resolved":
        settings, dims = antennas_of(array, settings)
        pairs = 1 if settings.antennas is None else math.prod(settings.antennas)
    else:
        dims, pairs = array.dims, 1
    values = array.values.reshape(-1, pairs, *array.values.shape[-2:])
    return _of_array(SpectrumPlan.of(array, settings).rows(values), array, dims)


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
    values = array.values.reshape(-1, *array.values.shape[-3:])
    rows = SpectrumPlan.of(array, SpectrumSettings(**settings)).self_terms(values)
    return _of_array(rows, array, array.dims[:-1])


def _of_array(rows: LagProducts | CellProducts, array: CsiArray, dims: tuple[str, ...]) -> xr.DataArray:
    return labelled(rows, dict(zip(dims, array.values.shape, strict=False)), array.coords)


def labelled(
    rows: LagProducts | CellProducts, sizes: Mapping[str, int], coords: Mapping[str, Any]
) -> xr.DataArray:
    """Transform lag products; ``sizes`` are the names and sizes of the captures' own dimensions."""
    import xarray as xr

    window = rows.window
    lead, out_dims = list(sizes.values()), list(sizes)
    coords = {n: c for n, c in coords.items() if set(c.dims) <= set(sizes)}
    if window.delay is not None:
        coords["delay"] = described(AXES, "delay", window.delay)
        out_dims.append("delay")
        lead.append(window.delay.size)
    if window.settings.cube:
        out_dims.append("beam")
        lead.append(window.beams)
    coords["acceleration"] = described(AXES, "acceleration", window.acceleration)
    coords["jerk"] = described(AXES, "jerk", window.jerk)
    settings = window.settings
    return xr.DataArray(
        spectra([rows]).reshape(*lead, window.acceleration.size, window.jerk.size),
        dims=[*out_dims, "acceleration", "jerk"],
        coords=coords,
        name="aj_spectrum",
        attrs={
            "units": "1",
            "long_name": "acceleration-jerk spectrum, linear magnitude (amplitude to the fourth)",
            "carrier": window.carrier,
            "lag_packets": window.grid.lag,
            "packets": window.grid.packets,
            "packet_interval": window.grid.interval,
            **settings_attrs(settings),
        },
    )
