"""Study `paper`: the paper's Fig. 4 (AJ spectra with 3 to 7 targets), and the erratum in numbers.

The paper's eq. (19) and (20) swap the axes against its (9) and (10) (method.md section 2). Here eq. (4), (7) and
(8)-(10) are written out on frequency axes f_τ and f_η, in no common code with `isacsim.aj_spectrum`, the peak is read
off there, and turned into acceleration and jerk both ways.

Full size: 200 captures for each number of targets, 200 for the erratum: about a minute on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.constants import c as SPEED_OF_LIGHT

from isacsim.estimation.peaks import interpolate_peak
from isacsim.spectrum.aj import aj_spectrum
from isacsim.spectrum.grid import WindowResolution

from .captures import axes, channel, draw_paths, noise, static_part
from .points import Compute, Point
from .study import Table, figure_of, opening, rms, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "paper"
DESCRIPTION = "Fig. 4's spectra with 3-7 targets, and the erratum of eq. (19)-(20) in numbers (1 min)"

TARGETS = (3, 4, 5, 6, 7)
SNR_DB = 20.0
SUBCARRIERS, PACKETS = 32, 1024
LAG_RATIO, MIN_LAG = 0.089, 0.12
# R keeps every fourth packet in the erratum: 250 Hz hold its ±110 Hz, and f_τ's ±63 Hz. What falls off at the end moves
# the centre by half a packet, and so the corrected acceleration by 0.01 m/s².
THINNING = 4
EXAMPLE = {"acceleration": 3.0, "jerk": 20.0}


def frequency_peak(h: NDArray, t: NDArray, f: float) -> tuple[float, float, float]:
    """Peak of the paper's spectrum on its own axes, written out.

    Parameters
    ----------
    h : ndarray, complex, shape (packet,)
        CSI of one subcarrier without its static part, physics' sign.
    t : ndarray, shape (packet,)
        s, uniform.
    f : float
        Subcarrier frequency, Hz.

    Returns
    -------
    (float, float, float)
        f_τ in Hz (over τ, m = 2τ + τ_d), f_η in Hz (over η = s t m, s τ_d = 1), and the product f·φ in cycles
        (φ in s).
    """
    interval = float(t[1] - t[0])
    lag = round(LAG_RATIO * t.size)
    # Physics' sign is conjugated to the paper's.
    r = (h[2 * lag :].conj() * h[: t.size - 2 * lag])[::THINNING]
    step = interval * THINNING
    n = r.size
    first = 2 * round(MIN_LAG * n / 2)
    tau_d = first * step
    kappa = 2 * lag * interval * f / SPEED_OF_LIGHT
    f_tau = 2 * kappa * np.linspace(-8, 8, 97)
    f_eta = kappa * tau_d * np.linspace(-40, 40, 97)
    spectrum = np.zeros((f_tau.size, f_eta.size), complex)
    for tau in range((n - first) // 2):
        m = 2 * tau + first
        half = m // 2
        centre = np.arange(half, n - half)
        product = r[centre + half] * r[centre - half].conj()
        eta = (centre - (n - 1) / 2) * step * (m * step) / tau_d
        over_eta = product @ np.exp(-2j * np.pi * np.outer(eta, f_eta))
        spectrum += np.outer(np.exp(-2j * np.pi * f_tau * tau * step), over_eta)
    power = np.abs(spectrum)
    i, j = np.unravel_index(int(power.argmax()), power.shape)
    peak = interpolate_peak(power, f_tau, f_eta, int(i), int(j))
    return peak.acceleration, peak.jerk, f * lag * interval


def both_ways(f_tau: float, f_eta: float, f_phi: float, tau_d: float) -> dict[str, dict[str, float]]:
    """Acceleration and jerk as eq. (19)-(20) print them, and as (6) and (8) make them."""
    s = 1 / tau_d
    quarter, half = SPEED_OF_LIGHT / (4 * f_phi), SPEED_OF_LIGHT * s / (2 * f_phi)
    return {
        "printed": {"acceleration": f_eta * quarter, "jerk": f_tau * half},
        "corrected": {"acceleration": f_tau * quarter, "jerk": f_eta * half},
    }


def _minimum_lag(packets: int, interval: float) -> float:
    """τ_d in s, as `frequency_peak` has it."""
    n = -(-(packets - 2 * round(LAG_RATIO * packets)) // THINNING)
    return 2 * round(MIN_LAG * n / 2) * THINNING * interval


def one_spectrum(seed: int, n: int) -> tuple[dict[str, NDArray], xr.DataArray]:
    """A capture with n targets and its coherent AJ spectrum."""
    rng = np.random.default_rng([seed, n])
    t, f = axes(SUBCARRIERS, PACKETS)
    truth = draw_paths(rng, n)
    h = channel(t, f, truth) + static_part(rng, f, 20.0)
    h = (h + noise(rng, h.shape, SNR_DB)).astype(np.complex64)
    return truth, aj_spectrum(h, time=t, frequency=f)


def _stands_out(spectrum: xr.DataArray, truth: dict[str, NDArray]) -> int:
    """Count the given paths that have a local maximum within one resolution cell."""
    a, r = spectrum.coords["acceleration"].values, spectrum.coords["jerk"].values
    p = spectrum.values
    inner = p[1:-1, 1:-1]
    rows, columns = p.shape
    top = np.ones_like(inner, bool)
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            top &= inner >= p[1 + di : rows - 1 + di, 1 + dj : columns - 1 + dj]
    # P goes with amplitude⁴: 20 dB are a factor of 3.2 in amplitude; lower ones are side lobes.
    i, j = np.nonzero(top & (inner > p.max() / 100))
    cell = WindowResolution(PACKETS, 1e-3, float(spectrum.attrs["carrier"])).resolution()
    off = np.hypot(
        (a[i + 1][:, None] - truth["acceleration"]) / cell[0], (r[j + 1][:, None] - truth["jerk"]) / cell[1]
    )
    return int((off.min(axis=0, initial=np.inf) < 1).sum())


def panel(targets: int, trials: int, seed: int) -> dict[str, Any]:
    """Share of paths at which the spectrum has a maximum, and of places without a path."""
    drawn = [one_spectrum(seed + i, targets) for i in range(trials)]
    truth = drawn[0][0]
    seen = sum(_stands_out(p, paths) for paths, p in drawn)
    # The mirror image of the truth has the truth's distribution and no path: what chance alone would score.
    mirrored = [(p, {name: -x for name, x in paths.items()}) for paths, p in drawn]
    chance = sum(_stands_out(p, paths) for p, paths in mirrored)
    return {
        "targets": targets,
        "truth": {name: truth[name].tolist() for name in ("acceleration", "jerk", "amplitude")},
        "targets_with_a_maximum_within_a_cell": share(seen, targets * trials),
        "by_chance": share(chance, targets * trials),
    }


def run(*, quick: bool, seed: int, compute: Compute, trials: int | None = None) -> Table:
    """Do the study; see `validation.study.Study`."""
    trials = trials or (4 if quick else 200)
    settings = {
        "trials": trials,
        "snr_db": SNR_DB,
        "subcarriers": SUBCARRIERS,
        "packets": PACKETS,
        "lag_ratio": LAG_RATIO,
        "min_lag": MIN_LAG,
    }
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    same = {"trials": trials, "seed": seed}
    points = [Point(f"{n} targets", panel, {"targets": n, **same}) for n in TARGETS]
    *table["panels"], table["erratum"] = compute(table, [*points, Point("erratum", erratum, same)])
    return table


def erratum(trials: int, seed: int) -> dict[str, Any]:
    """Errors of both readings over random paths, and the example in full."""
    t, f = axes(1, PACKETS)
    tau_d = _minimum_lag(PACKETS, 1e-3)
    example: dict[str, Any] = {}
    off: dict[str, dict[str, list[float]]] = {
        way: {name: [] for name in EXAMPLE} for way in ("printed", "corrected")
    }
    for i in range(trials):
        truth = draw_paths(np.random.default_rng([seed, 99, i]), 1, spread=0.0)
        if i == 0:
            truth |= {name: np.array([value]) for name, value in EXAMPLE.items()}
        f_tau, f_eta, f_phi = frequency_peak(channel(t, f, truth)[0], t, float(f[0]))
        ways = both_ways(f_tau, f_eta, f_phi, tau_d)
        if i == 0:
            example = {"truth": EXAMPLE, "f_tau_hz": f_tau, "f_eta_hz": f_eta, "tau_d_s": tau_d, **ways}
        for way, got in ways.items():
            for name in EXAMPLE:
                off[way][name].append(got[name] - truth[name][0])
    return {
        "example": example,
        "error": {way: {name: rms(e) for name, e in states.items()} for way, states in off.items()},
    }


def figure(table: Table) -> Figure:
    """Draw the five panels with the truth, and the two readings of one peak."""
    settings, error = table["settings"], table["erratum"]["error"]
    wrong, right = ({n: error[way][n]["rms"] for n in EXAMPLE} for way in ("printed", "corrected"))
    drawing = figure_of(
        table,
        (13, 8.2),
        f"AJ spectra, (P/max)^(1/4), {settings['subcarriers']} subcarriers over 80 MHz combined coherently, "
        f"{settings['packets']} packets, {settings['snr_db']:g} dB, static part 20 dB above, removed; "
        "circles: truth; share: true "
        "paths with a local maximum within a cell, over all trials, beside that of places without "
        "a path. Last panel: the peak of one noise-free path of 3 m/s², 20 m/s³ read with eq. (19)-(20) as "
        "printed and corrected; rms error over all trials "
        f"{wrong['acceleration']:.3g} m/s², {wrong['jerk']:.3g} m/s³ against {right['acceleration']:.2g}, "
        f"{right['jerk']:.2g}.",
    )
    from isacsim.figures.spectra import draw_aj

    panels = drawing.subplots(2, 3)
    for axis, panel in zip(panels.flat, table["panels"], strict=False):
        # 4096 numbers follow from the seed; they would bury the table.
        truth, spectrum = one_spectrum(table["seed"], panel["targets"])
        draw_aj(axis, spectrum, truth=xr.Dataset({name: ("path", truth[name]) for name in EXAMPLE}))
        seen = panel["targets_with_a_maximum_within_a_cell"]["value"]
        chance = panel["by_chance"]["value"]
        title = (
            f"{panel['targets']} targets; a maximum at {100 * seen:.0f} % ({100 * chance:.0f} % by chance)"
        )
        axis.set_title(title, fontsize=10)
    axis, example = panels.flat[-1], table["erratum"]["example"]
    for way, marker, colour in (("truth", "o", "black"), ("corrected", "x", "C2"), ("printed", "s", "C3")):
        axis.scatter(
            example[way]["acceleration"], example[way]["jerk"], marker=marker, s=80,
            facecolors="none" if marker != "x" else colour, edgecolors=colour if marker != "x" else None,
            label=f"{way}: {example[way]['acceleration']:.2f} m/s², {example[way]['jerk']:.1f} m/s³",
        )  # fmt: skip
    axis.set(xlim=(-8, 8), xlabel="acceleration [m/s²]", ylabel="jerk [m/s³]")
    axis.set_ylim(-45, max(45, 1.4 * example["printed"]["jerk"]))
    axis.axhline(0, color="#bbbbbb", lw=0.6, zorder=0)
    axis.axvline(0, color="#bbbbbb", lw=0.6, zorder=0)
    axis.set_title("the erratum", fontsize=10)
    axis.legend(fontsize=8, loc="lower left")
    return drawing
