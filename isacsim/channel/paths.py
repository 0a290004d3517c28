"""Moving paths: from path lengths over time to the channel frequency response.

The model is method.md section 1 (the paper's eq. 1-3 with the physical sign):
``H(f, t) = Σ_l A_l exp(j φ_l - j2π f d_l(t) / c)``, with ``d_l(t) = d0 + v t + a t²/2 + r t³/6`` for a polynomial path.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray
from scipy.constants import speed_of_light

from isacsim.compute.jit import JIT, fma
from isacsim.compute.phasor import cis
from isacsim.errors import InputError

__all__ = ["cubic_path_length", "simulate_path_lengths", "simulate_paths"]

# A tile is computed by one thread: its phasors start exact at its first subcarrier and are turned on from there, so
# that float32 rounding grows over TILE_SUBCARRIERS turns at most (relative error below 1e-5), whatever the band.
TILE_SUBCARRIERS = 128
TILE_PACKETS = 256


@njit(**JIT)
def _phasors(delay, amplitude, turns, frequency, real, imag):  # type: ignore[no-untyped-def]
    """Fill amplitude · exp(j2π(turns - frequency·delay)) over packets, into two float32 arrays."""
    for i in range(delay.size):
        c, s = cis(turns - frequency * delay[i])
        real[i] = amplitude * c
        imag[i] = amplitude * s


@njit(parallel=True, **JIT)
def _sum_uniform(delay, amplitude, turns, first, spacing, static, out):  # type: ignore[no-untyped-def]
    """Sum the paths on uniform subcarriers; delay (path, packet) in s, out complex64 (subcarrier, packet).

    static complex64 (subcarrier,) is what the sum begins with.
    """
    n_path, n_packet = delay.shape
    n_subcarrier = out.shape[0]
    n_t = (n_packet + TILE_PACKETS - 1) // TILE_PACKETS
    n_k = (n_subcarrier + TILE_SUBCARRIERS - 1) // TILE_SUBCARRIERS
    # Tiles over both axes, so that the larger one is shared among the threads whichever it is.
    for tile in prange(n_t * n_k):
        k0 = (tile // n_t) * TILE_SUBCARRIERS
        t0 = (tile % n_t) * TILE_PACKETS
        width = min(TILE_PACKETS, n_packet - t0)
        state = np.zeros((n_path, 2, TILE_PACKETS), np.float32)
        turn = np.zeros((n_path, 2, TILE_PACKETS), np.float32)
        for p in range(n_path):
            tau = delay[p, t0 : t0 + width]
            first_k = first + k0 * spacing
            _phasors(tau, amplitude[p], turns[p], first_k, state[p, 0, :width], state[p, 1, :width])
            _phasors(tau, 1.0, 0.0, spacing, turn[p, 0, :width], turn[p, 1, :width])
        total = np.empty((2, TILE_PACKETS), np.float32)
        for k in range(k0, min(k0 + TILE_SUBCARRIERS, n_subcarrier)):
            total[0] = static[k].real
            total[1] = static[k].imag
            for p in range(n_path):
                for i in range(TILE_PACKETS):
                    a = state[p, 0, i]
                    b = state[p, 1, i]
                    c = turn[p, 0, i]
                    d = turn[p, 1, i]
                    total[0, i] += a
                    total[1, i] += b
                    state[p, 0, i] = fma(a, c, -b * d)
                    state[p, 1, i] = fma(a, d, b * c)
            row = out[k, t0 : t0 + width]
            for i in range(width):
                row[i] = complex(total[0, i], total[1, i])


@njit(parallel=True, **JIT)
def _sum_general(delay, amplitude, turns, frequency, static, out):  # type: ignore[no-untyped-def]
    """Sum the paths on any subcarriers, each phase evaluated by itself; arrays as in :func:`_sum_uniform`."""
    n_path, n_packet = delay.shape
    n_subcarrier = out.shape[0]
    n_t = (n_packet + TILE_PACKETS - 1) // TILE_PACKETS
    for tile in prange(n_t * n_subcarrier):
        k = tile // n_t
        t0 = (tile % n_t) * TILE_PACKETS
        width = min(TILE_PACKETS, n_packet - t0)
        real = np.empty(TILE_PACKETS, np.float32)
        imag = np.empty(TILE_PACKETS, np.float32)
        total = np.empty((2, TILE_PACKETS), np.float32)
        total[0] = static[k].real
        total[1] = static[k].imag
        for p in range(n_path):
            tau = delay[p, t0 : t0 + width]
            _phasors(tau, amplitude[p], turns[p], frequency[k], real[:width], imag[:width])
            for i in range(width):
                total[0, i] += real[i]
                total[1, i] += imag[i]
        row = out[k, t0 : t0 + width]
        for i in range(width):
            row[i] = complex(total[0, i], total[1, i])


def uniform_spacing(frequency: NDArray[np.float64]) -> float | None:
    """Spacing in Hz of uniform subcarriers, None if they are not."""
    if frequency.size < 2:
        return 1.0
    spacing = float(frequency[-1] - frequency[0]) / (frequency.size - 1)
    uniform = spacing != 0 and np.allclose(np.diff(frequency), spacing, rtol=1e-9, atol=0)
    return spacing if uniform else None


def simulate_path_lengths(
    path_length: ArrayLike,
    frequency: ArrayLike,
    *,
    amplitude: ArrayLike,
    phase: ArrayLike,
    static: NDArray[np.complexfloating] | None = None,
) -> NDArray[np.complex64]:
    """Channel frequency response of paths whose lengths are given packet by packet.

    Parameters
    ----------
    path_length : array_like, shape (path, packet)
        Length d_l(t) of each path at each packet, in m.
    frequency : array_like, shape (subcarrier,)
        Absolute subcarrier frequencies in Hz, uniform or not.
    amplitude : array_like, shape (path,)
        Real amplitudes, not negative, without unit (1 is the unit path of the SNR's definition).
    phase : array_like, shape (path,)
        Phases φ_l in rad.
    static : numpy.ndarray, complex, shape (subcarrier,), optional
        Static channel, added to every packet.

    Returns
    -------
    numpy.ndarray, complex64, shape (subcarrier, packet)
        ``Σ_l A_l exp(j φ_l - j2π f_k d_l(t) / c)`` without noise; relative error below 2e-5. The same bits for any
        number of threads.

    Raises
    ------
    InputError
        If shapes differ, a value is not finite, an amplitude is negative or a frequency is not positive.

    Notes
    -----
    method.md section 1; the paper's eq. (1)-(3) with the physical sign. Uniform subcarriers (to 1e-9 of the
    spacing) are reached by turning one phasor a path and packet; other grids evaluate every phase.
    """
    length = np.atleast_2d(_finite("path_length", path_length))
    freq = _vector("frequency", frequency)
    amp = _vector("amplitude", amplitude)
    turns = _vector("phase", phase) / (2 * np.pi)
    if length.ndim != 2 or amp.shape != length.shape[:1] or turns.shape != amp.shape:
        raise InputError(
            f"path_length, amplitude and phase must have one row or value a path, got shapes {length.shape}, "
            f"{amp.shape}, {turns.shape}."
        )
    if (amp < 0).any():
        raise InputError(f"amplitude must not be negative (use phase), got {amp.min():g}.")
    if freq.size and freq.min() <= 0:
        raise InputError(f"frequency must be positive absolute frequencies in Hz, got {freq.min():g}.")
    start = np.zeros(freq.size, np.complex64) if static is None else np.asarray(static, np.complex64)
    if start.shape != freq.shape:
        raise InputError(f"static must have one value a subcarrier, got shape {start.shape} for {freq.size}.")
    out = np.empty((freq.size, length.shape[1]), np.complex64)
    delay = np.ascontiguousarray(length / speed_of_light)
    spacing = uniform_spacing(freq)
    if spacing is not None:
        _sum_uniform(delay, amp, turns, freq[0], spacing, start, out)
    else:
        _sum_general(delay, amp, turns, freq, start, out)
    return out


def cubic_path_length(
    time: ArrayLike,
    *,
    path_length: ArrayLike,
    velocity: ArrayLike,
    acceleration: ArrayLike,
    jerk: ArrayLike,
) -> NDArray[np.float64]:
    """Path length d0 + v t + a t²/2 + r t³/6 in m, shape (path, packet); the paper's eq. (2).

    Parameters
    ----------
    time : array_like, shape (packet,)
        Time in s; the expansion is about its zero.
    path_length, velocity, acceleration, jerk : array_like, shape (path,)
        In m, m/s, m/s², m/s³.
    """
    t = np.asarray(time, np.float64)
    d0, v, a, r = (
        np.asarray(x, np.float64)[..., np.newaxis] for x in (path_length, velocity, acceleration, jerk)
    )
    return np.asarray(d0 + t * (v + t * (a / 2 + t * (r / 6))))


def simulate_paths(
    time: ArrayLike,
    frequency: ArrayLike,
    *,
    path_length: ArrayLike,
    velocity: ArrayLike,
    acceleration: ArrayLike,
    jerk: ArrayLike,
    amplitude: ArrayLike,
    phase: ArrayLike,
) -> NDArray[np.complex64]:
    """Channel frequency response of polynomial-phase paths.

    Parameters
    ----------
    time : array_like, shape (packet,)
        Packet times in s, uniform or not. The path's polynomial is about ``time = 0``; centre the array on the
        window to get kinematics at its centre.
    frequency : array_like, shape (subcarrier,)
        Absolute subcarrier frequencies in Hz.
    path_length, velocity, acceleration, jerk : array_like, shape (path,)
        Kinematics of the path length at ``time = 0``, in m, m/s, m/s², m/s³.
    amplitude, phase : array_like, shape (path,)
        Real amplitude ≥ 0 and phase in rad.

    Returns
    -------
    numpy.ndarray, complex64, shape (subcarrier, packet)
        ``Σ_l A_l exp(j φ_l - j2π f_k d_l(t) / c)``, without noise: eq. (M2) of docs/method.md.

    Raises
    ------
    InputError
        As :func:`simulate_path_lengths`.

    Examples
    --------
    >>> import numpy as np, isacsim
    >>> time = (np.arange(1024) - 511.5) / 1000
    >>> frequency = 5.805e9 + np.arange(-128, 128) * 312.5e3
    >>> isacsim.simulate_paths(time, frequency, path_length=[5.0], velocity=[1.0], acceleration=[3.0],
    ...                        jerk=[20.0], amplitude=[1.0], phase=[0.0]).shape
    (256, 1024)
    """
    names = ("path_length", "velocity", "acceleration", "jerk")
    t = _vector("time", time)
    values = [_vector(n, x) for n, x in zip(names, (path_length, velocity, acceleration, jerk), strict=True)]
    if len({x.shape for x in values}) != 1:
        raise InputError(
            "path_length, velocity, acceleration and jerk must be of one length, got shapes "
            + ", ".join(str(x.shape) for x in values)
            + "."
        )
    length = cubic_path_length(t, **dict(zip(names, values, strict=True)))
    return simulate_path_lengths(length, frequency, amplitude=amplitude, phase=phase)


def _vector(name: str, value: ArrayLike) -> NDArray[np.float64]:
    array = np.atleast_1d(_finite(name, value))
    if array.ndim != 1:
        raise InputError(f"{name} must be 1-D, got shape {array.shape}.")
    return array


def _finite(name: str, value: ArrayLike) -> NDArray[np.float64]:
    try:
        given = np.asarray(value)
        if np.iscomplexobj(given):  # NumPy would drop the imaginary part with a warning
            raise TypeError
        array = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be real numbers, got {value!r:.80}.") from None
    if not np.isfinite(array).all():
        raise InputError(f"{name} must be finite, got {array[~np.isfinite(array)].flat[0]}.")
    return array
