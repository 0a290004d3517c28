"""The resolved spectrum as a loop over cells, written down from docs/method.md alone; slow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window

C = 299_792_458.0
WEAKEST = 0.01


def stretched(window: str | None, at: NDArray) -> NDArray:
    """A window that spans 0 to 1, at these places."""
    return np.interp(at, np.linspace(0, 1, 4097), get_window(window or "boxcar", 4097, fftbins=False))


def double_loop(
    r: NDArray, dt: float, kappa: float, acceleration: NDArray, jerk: NDArray, first: int, windows: tuple
) -> NDArray:
    """|P(a, r)| over lags first .. n-1, each with its own window over t, normalised by all weights."""
    n = r.size
    p, total = np.zeros((acceleration.size, jerk.size), complex), 0.0
    for m in range(first, n):
        t = (np.arange(n - m) - (n - m - 1) / 2) * dt
        weight = stretched(windows[1], (m - first + 0.5) / (n - first)) * stretched(
            windows[0], 0.5 + t / ((n - m) * dt)
        )
        r2 = weight * r[m:] * r[: n - m].conj()
        over_t = np.exp(-2j * np.pi * kappa * jerk[:, None] * t * (m * dt)) @ r2
        p += np.exp(-2j * np.pi * kappa * acceleration * (m * dt))[:, None] * over_t
        total += weight.sum()
    return np.abs(p) / total


def keystone(cells: NDArray, relative: float) -> tuple[NDArray, float]:
    """Cells (delay, beam, packet) at times stretched by f0 / f, as twice as many wide subcarriers; and dt's factor.

    relative is the bandwidth over the carrier f0.
    """
    n = cells.shape[-1]
    wide = np.fft.fft(cells, 2 * len(cells), axis=0)
    shrink = 1 - relative / 2
    for j, off in enumerate(np.fft.fftfreq(len(wide))):
        where = (np.arange(n) - (n - 1) / 2) * shrink / (1 + relative * off)
        for b in range(cells.shape[1]):
            wide[j, b] = _polynomial(wide[j, b], where + (n - 1) / 2)
    return np.fft.ifft(wide, axis=0)[: len(cells)], shrink


def _polynomial(x: NDArray, at: NDArray) -> NDArray:
    """Values between samples by the polynomial through eight of them."""
    first = np.clip(np.floor(at).astype(int) - 3, 0, x.size - 8)
    out = np.zeros(at.size, complex)
    for tap in range(8):
        others = np.array([j for j in range(8) if j != tap])
        weight = np.prod((at[:, None] - first[:, None] - others) / (tap - others), axis=1)
        out += x[first + tap] * weight
    return out


def cells_of(h: NDArray, antennas: tuple[int, int]) -> NDArray:
    """Cells (delay, beam, packet) of CSI (pair, subcarrier, packet) on uniform subcarriers, phases that fall.

    Hann over subcarriers; from the first to the last delay with 1 % of the strongest one's energy.
    """
    k = h.shape[1]
    taper = stretched("hann", (np.arange(k) + 0.5) / k)
    by_delay = np.fft.ifft(h * taper[:, None], axis=1) * k / np.sqrt(k * (taper**2).sum())
    # Phases from the band's middle on, not from its lowest subcarrier.
    by_delay = by_delay * np.exp(-1j * np.pi * (k - 1) / k * np.arange(k))[:, None]
    arrays = by_delay.reshape(*antennas, k, -1)
    beams = np.fft.fft2(arrays, axes=(0, 1)) / np.prod(antennas)
    cells = beams.reshape(-1, k, h.shape[-1]).swapaxes(0, 1)
    energy = np.sum(np.abs(cells) ** 2, axis=(1, 2))
    strong = np.flatnonzero(energy >= WEAKEST * energy.max())
    return cells[strong[0] : strong[-1] + 1]


def image(
    cells: NDArray,
    dt: float,
    grid: tuple[int, float, float],
    axes: tuple[NDArray, NDArray],
    windows: tuple,
    equalise: float,
) -> NDArray:
    """Σ P / √(max P) / L · (A²)^(2 - 2β) over cells (delay, beam, packet); grid is (lag, κ, least lag's share)."""
    lag, kappa, min_lag = grid
    n = cells.shape[-1]
    centre = np.hanning(n + 2)[1:-1]
    centre = centre / centre.sum()
    energy = (np.abs(cells) ** 2 * centre).sum(axis=2)
    out = np.zeros((axes[0].size, axes[1].size))
    kept = energy >= WEAKEST * energy.max()
    for d, b in np.argwhere(kept):
        h = cells[d, b]
        alike = np.abs((cells * h.conj() * centre).sum(axis=2)) ** 2 / energy[d, b]
        amplitude_sq, shared = alike.sum(), alike[kept].sum()
        r = (h[2 * lag :] * h[: n - 2 * lag].conj()).conj()
        p = double_loop(r, dt, kappa, *axes, int(np.ceil(min_lag * r.size)), windows)
        out += p / np.sqrt(p.max()) / shared * amplitude_sq ** (2 - 2 * equalise)
    return out
