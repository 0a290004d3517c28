"""CSI to a Doppler spectrogram: the field's usual picture, for comparison with the acceleration-jerk spectrum.

A path whose length grows at v has the Doppler frequency ``-v f/c``. The spectrogram takes the phase sign out, so that
this holds for any receiver. An array's spectrogram is made of the same cells of delay and angles as its
acceleration-jerk spectrum (:mod:`isacsim.spectrum.cells`). But paths move through them: over a column, 3 m/s are a
tenth of a cell at 80 MHz.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import speed_of_light
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from isacsim import csi as csi_array
from isacsim.checks import check_choice, check_number
from isacsim.csi import CsiArray
from isacsim.errors import InputError
from isacsim.schema import AXES, DOPPLER, described
from isacsim.spectrum.antennas import antennas_of
from isacsim.spectrum.cells import BandCells
from isacsim.spectrum.settings import SpectrumSettings

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DopplerCombine", "DopplerPlan", "doppler_spectrogram"]

DopplerCombine = Literal["noncoherent", "resolved"]

F32 = NDArray[np.float32]
Complex = NDArray[np.complex64]

# Frequencies are interpolated by this factor (zero padding), so that a peak between two bins shows.
_PADDING = 2
_MIN_PACKETS = 8
# Complex values held at once: 16 MiB.
_MOST_VALUES = 2**20


@dataclass(frozen=True, eq=False)
class DopplerPlan:
    """Columns and bins of the spectrograms of captures on one window of packets."""

    transform: ShortTimeFFT
    columns: tuple[int, int]
    """First and last one (exclusive), as the transform counts them."""
    bins: slice
    """Bins of the transform's frequencies."""
    doppler: NDArray[np.float64]
    """Hz, ascending."""
    path_velocity: NDArray[np.float64]
    """m/s, of each of them."""
    time: NDArray[np.float64]
    """s from the first packet to the middle of each column."""
    length: int
    """Packets of a column."""
    hop: int
    """Packets from one column to the next."""

    @classmethod
    def of(
        cls,
        packets: int,
        interval: float,
        carrier: float,
        *,
        window_s: float,
        hop_s: float | None = None,
        max_speed: float | None = None,
    ) -> DopplerPlan:
        """Plan for so many packets, ``interval`` s apart; the rest as for :func:`doppler_spectrogram`."""
        length = _packets("window_s", window_s, interval, _MIN_PACKETS, packets)
        hop = max(1, length // 8) if hop_s is None else _packets("hop_s", hop_s, interval, 1, packets)
        transform = ShortTimeFFT(
            hann(length, sym=False),
            hop,
            1 / interval,
            fft_mode="centered",
            mfft=_PADDING * length,
            scale_to="magnitude",
            # Only the power counts; and with a phase shift, SciPy 1.17 cannot pad arrays of more than two dimensions.
            phase_shift=None,
        )
        # Only columns that lie wholly inside: zeros past the ends would smear the first and last ones.
        first, last = transform.lower_border_end[1], transform.upper_border_begin(packets)[1]
        last = max(last, first + 1)
        doppler = np.asarray(transform.f)
        velocity = -doppler * speed_of_light / carrier
        bins = slice(None)
        if max_speed is not None:
            slowest = speed_of_light / carrier / (_PADDING * length * interval)
            check_number("max_speed", max_speed, least=slowest)
            inside = np.flatnonzero(np.abs(velocity) <= max_speed)
            bins = slice(int(inside[0]), int(inside[-1]) + 1)
        time = np.asarray(transform.t(packets, first, last))
        return cls(transform, (first, last), bins, doppler[bins], velocity[bins], time, length, hop)

    def power(self, signal: Complex) -> F32:
        """Power (..., doppler, time) of signals (..., packet) with physics' sign of the phase."""
        made = self.transform.stft(signal, p0=self.columns[0], p1=self.columns[1])[..., self.bins, :]
        return np.asarray(made.real**2 + made.imag**2, np.float32)

    def mean_power(self, values: Complex, phase_sign: int, *, remove_static: bool) -> F32:
        """Power (..., doppler, time) of CSI (..., subcarrier, packet), averaged over subcarriers."""
        subcarriers = values.shape[-2]
        total = np.zeros((*values.shape[:-2], self.doppler.size, self.time.size), np.float64)
        # Some at a time, to keep memory small.
        block = max(1, _MOST_VALUES // max(1, self.transform.f_pts * self.time.size * values[..., 0, 0].size))
        for k in range(0, subcarriers, block):
            signal = values[..., k : k + block, :]
            if remove_static:
                signal = signal - signal.mean(axis=-1, keepdims=True)
            total += self.power(signal.conj() if phase_sign > 0 else signal).sum(axis=-3, dtype=np.float64)
        return (total / subcarriers).astype(np.float32)

    def of_cells(self, band: BandCells, csi: Complex, *, remove_static: bool, equalise: float) -> F32:
        """Power (doppler, time) of CSI (pair, subcarrier, packet), added over its cells.

        A cell's power is proportional to the share s of a path's A² that the cell holds. The shares of the added
        cells make up for those that are left out, so that the path peaks at A^(2(1 - equalise)).
        """
        cells = band.of(csi, remove_static=remove_static)
        total = np.zeros((self.doppler.size, self.time.size), np.float64)
        lit = (cells.shared > 0) & (cells.amplitude_sq > 0)
        weight = np.zeros(lit.size)
        weight[lit] = cells.amplitude_sq[lit] ** (1 - equalise) / cells.shared[lit]
        for some, power in self._in_parts(cells.values, band.sign):
            total += np.tensordot(weight[some], power, 1)
        return total.astype(np.float32)

    def each_cell(self, band: BandCells, csi: Complex, delays: int, *, remove_static: bool) -> F32:
        """Power (delay * beam, doppler, time) of each of the first delay cells in all beams."""
        cells = band.every(csi, delays, remove_static=remove_static)
        return np.concatenate([power for _, power in self._in_parts(cells, band.sign)])

    def _in_parts(self, cells: Complex, sign: int) -> Iterable[tuple[slice, F32]]:
        block = max(1, _MOST_VALUES // (self.transform.f_pts * self.time.size))
        for k in range(0, len(cells), block):
            some = cells[k : k + block]
            yield slice(k, k + block), self.power(some.conj() if sign > 0 else some)


def doppler_spectrogram(
    csi: ArrayLike | xr.DataArray,
    *,
    time: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    window_s: float = 0.128,
    hop_s: float | None = None,
    phase_sign: int | None = None,
    remove_static: bool = True,
    max_speed: float | None = None,
    combine: DopplerCombine = "noncoherent",
    antennas: tuple[int, int] | None = None,
    delay_window: str | None = None,
    equalise: float = 0.0,
    cube: bool = False,
    delays: int = 8,
) -> xr.DataArray:
    """Doppler spectrogram of CSI, its power averaged over subcarriers or added over cells of delay and angles.

    Parameters
    ----------
    csi : array_like or xarray.DataArray, complex, shape (..., subcarrier, packet)
        CSI, uniform in time (else see :func:`isacsim.conditioning.resample`). Any leading axes are kept.
        For "resolved" (..., n_rx * n_tx, subcarrier, packet), as for :func:`isacsim.aj_spectrum`.
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
    max_speed : float, optional
        Leave out frequencies of path velocities beyond this, m/s; default: all that the packet rate can tell.
    combine : {"noncoherent", "resolved"}
        "noncoherent": power averaged over subcarriers, one spectrogram a stream. "resolved": power added over the
        cells of all pairs of an array. Cells without energy are left out, which lowers the noise.
    antennas : (int, int), optional
        For "resolved": receiving and transmitting elements; default: as the coordinates say.
    delay_window : str or None
        For "resolved": window over subcarriers by its scipy name; default: none.
    equalise : float
        For "resolved", from 0 to 1: a path of amplitude A peaks at A^(2(1 - equalise)).
    cube : bool
        For "resolved": give the spectrogram of each cell, delay-angle-Doppler over time.
    delays : int
        For ``cube``: delay cells, n / bandwidth, n = 0..delays-1.

    Returns
    -------
    xarray.DataArray, float32, dims (..., [delay, beam,] doppler, time)
        Power; a noise-free path of unit amplitude and constant speed reaches 1, in a cube where it is in the middle of
        a cell. ``doppler`` in Hz ascends; a growing path (v > 0) has a negative one, ``-v f/c``, whatever the phase
        sign. ``path_velocity`` (doppler) is that v in m/s. ``time`` is the middle of each window, on the clock of the
        packets; windows that would stick out over the ends are left out. ``beam`` counts the transmitting array's DFT
        beams fastest.

    Raises
    ------
    InputError
        If the window holds fewer than 8 packets or more than there are, time is not uniform, shapes do not fit or
        a value is not finite.

    Examples
    --------
    >>> import isacsim
    >>> capture = isacsim.simulate(isacsim.load_scenario("single_target"), seed=1)
    >>> isacsim.doppler_spectrogram(capture.csi).dims
    ('receiver', 'doppler', 'time')
    """
    import xarray as xr

    check_choice("combine", combine, get_args(DopplerCombine))
    if cube and combine != "resolved":
        raise InputError("cube=True needs combine='resolved': it has one spectrogram a delay and beam.")
    array = csi_array.read(csi, time=time, frequency=frequency, phase_sign=phase_sign)
    carrier = float(array.frequency.mean())
    plan = DopplerPlan.of(
        array.time.size, array.interval, carrier, window_s=window_s, hop_s=hop_s, max_speed=max_speed
    )
    coords: dict[str, Any] = {}
    attrs: dict[str, Any] = {}
    if combine == "resolved":
        settings = SpectrumSettings(
            combine="resolved",
            antennas=antennas,
            delay_window=delay_window,
            equalise=equalise,
            cube=cube,
            delays=delays,
            remove_static=remove_static,
        )
        power, dims, band = _resolved(array, settings, plan)
        attrs = {"combine": combine, "equalise": float(equalise)}
        if cube:
            coords["delay"] = described(AXES, "delay", np.arange(delays) * band.step)
    else:
        power, dims = plan.mean_power(array.values, array.phase_sign, remove_static=remove_static), array.dims
    coords |= {n: c for n, c in array.coords.items() if n != "time" and set(c.dims) <= set(dims)}
    axes = {
        "doppler": plan.doppler,
        "path_velocity": plan.path_velocity,
        "time": array.time[0] + plan.time,
    }
    coords |= {name: described(DOPPLER, name, axis) for name, axis in axes.items()}
    return xr.DataArray(
        power,
        dims=(*dims, "doppler", "time"),
        coords=coords,
        name="doppler_spectrogram",
        attrs={
            "units": "1",
            "long_name": "Doppler spectrogram, power",
            "carrier": carrier,
            "window_packets": plan.length,
            "hop_packets": plan.hop,
            "packet_interval": array.interval,
            **attrs,
        },
    )


def _resolved(
    array: CsiArray, settings: SpectrumSettings, plan: DopplerPlan
) -> tuple[F32, tuple[str, ...], BandCells]:
    """Power of each array's pairs, the dimensions before its bins, and the cells that it is made of."""
    settings, dims = antennas_of(array, settings)
    antennas = settings.antennas or (1, 1)
    band = BandCells(array.frequency, antennas, settings.delay_window, array.phase_sign, follow=False)
    lead = array.values.shape[: len(dims)]
    values = array.values.reshape(-1, math.prod(antennas), *array.values.shape[-2:])
    remove = settings.remove_static
    if settings.cube:
        made = [plan.each_cell(band, one, settings.delays, remove_static=remove) for one in values]
        lead, dims = (*lead, settings.delays, math.prod(antennas)), (*dims, "delay", "beam")
    else:
        made = [plan.of_cells(band, one, remove_static=remove, equalise=settings.equalise) for one in values]
    return np.reshape(made, (*lead, plan.doppler.size, plan.time.size)), dims, band


def _packets(name: str, seconds: float, interval: float, fewest: int, most: int) -> int:
    packets = round(seconds / interval) if np.isfinite(seconds) else 0
    if not fewest <= packets <= most:
        raise InputError(
            f"{name} {seconds:g} s makes {packets} packets at {1 / interval:.4g} packets/s; it must lie between "
            f"{fewest * interval:.3g} and {most * interval:.3g} s."
        )
    return packets
