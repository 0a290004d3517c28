"""Ground truth and estimates as rows of numbers: for the terminal and for the page of the demo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.channel.impairments import clock_drift
from isacsim.conditioning.conditioning import ALIGNED_ARRAY, ALIGNED_TO_ITSELF, PROJECTED
from isacsim.simulation.reception import receiver_number
from isacsim.simulation.truth import not_drawn_again, realisation_of
from isacsim.targets.rest import LEAST_SWING, at_rest

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.conditioning.cutting import CaptureWindow
    from isacsim.scenario.model import Scenario

__all__ = [
    "QUANTITIES",
    "band_remark",
    "body_remark",
    "cubic_remark",
    "departure_from_cubic",
    "impairment_lines",
    "interpolation_remark",
    "mirror_remark",
    "rest_remark",
    "target_names",
]

# m/s; sinc² has fallen by a tenth at this share of the way to its first null.
_WALKING, _KEPT_TO = 3.0, 0.18

QUANTITIES = {
    "path_length": "path length [m]",
    "velocity": "velocity [m/s]",
    "acceleration": "acceleration [m/s²]",
    "jerk": "jerk [m/s³]",
    "amplitude": "amplitude [1]",
}
"""Quantities that are estimated, as headings."""

# In carrier wavelengths. The scenario uav, seed 0, two drones: 0.14 in a window of 1 s brings 6 false paths, 0.007 and
# 0.014 in two of 0.5 s 7, 0.002 and less in three of 0.3 s none. Where all of it is quartic, the Taylor cubic at the
# centre, which `model_error` refers to, errs by 35/8 of what the best cubic leaves.
_MOST_DEPARTURE = 0.005


def mirror_remark(csi: xr.DataArray | str) -> str | None:
    """Say what taking one antenna's phase from itself does to paths; None for other conditioning.

    The attribute ``conditioning`` may stand for the CSI.
    """
    done = csi if isinstance(csi, str) else str(csi.attrs.get("conditioning", ""))
    if done.startswith(PROJECTED):
        return (
            "one antenna's phase came from its own static channel: paths lose what looks like a phase, timing or gain "
            "error (at 20 MHz half of the amplitude and more), and strong ones leave weak harmonics"
        )
    alone = done.startswith(ALIGNED_ARRAY) and not isinstance(csi, str) and _has_single_pair(csi)
    if not done.startswith(ALIGNED_TO_ITSELF) and not alone:
        return None
    return (
        "one antenna's phase was aligned to itself: every path leaves a mirror image at (-v, -a, -r), about half "
        "as strong, and loses amplitude; signs may be wrong, above all at 20 MHz (--reference projection leaves hardly "
        "any image)"
    )


def _has_single_pair(csi: xr.DataArray) -> bool:
    """Tell whether a device has one antenna pair alone, which can be aligned only to itself."""
    if "device" not in csi.coords:
        return False
    return bool(np.unique(csi.coords["device"].values, return_counts=True)[1].min() == 1)


def departure_from_cubic(capture: xr.Dataset, receiver: str, times: list[NDArray[np.float64]]) -> float:
    """Measure how far the paths of a simulated capture leave the cubics that fit them best: targets and movers.

    Limbs and blades are left out (`body_remark` is about them).

    Parameters
    ----------
    capture : xarray.Dataset
        Simulated.
    receiver : str
        Name of the receiver.
    times : list of numpy.ndarray, shape (packet,)
        Packet times of windows, s on the capture's clock.

    Returns
    -------
    float
        Largest distance over paths and windows, in carrier wavelengths; 0 without paths.
    """
    drawn = realisation_of(capture)
    radio = drawn.scenario.radio
    i = receiver_number(radio, receiver)
    counted = np.flatnonzero((drawn.target < 0) | np.isin(np.arange(drawn.target.size), drawn.reference))
    worst = 0.0
    for time in times:
        lengths = drawn.path_lengths(time)[i, counted].T
        powers = np.vander((time - time.mean()) / np.ptp(time), 4)
        left = lengths - powers @ np.linalg.lstsq(powers, lengths, rcond=None)[0]
        worst = max(worst, float(np.abs(left).max(initial=0.0)) / radio.wavelength_m)
    return worst


def cubic_remark(
    capture: xr.Dataset, receiver: str, times: list[NDArray[np.float64]], remedy: str
) -> str | None:
    """Say so where the simulated paths are no cubics over the windows that `relax` fits cubics to.

    Parameters
    ----------
    capture, receiver, times
        As for :func:`departure_from_cubic`; a capture without truth gives None.
    remedy : str
        How the user gets shorter windows.
    """
    if "scenario" not in capture.attrs:
        return None
    if why := not_drawn_again(capture):
        return f"{why}: the distance of its paths from cubics is unknown, and so is their exact motion off its centre"
    off = departure_from_cubic(capture, receiver, times)
    if off <= _MOST_DEPARTURE:
        return None
    return (
        f"the cubic does not hold over this window: paths leave their best cubic by up to {off:.2g} wavelengths "
        f"(over {_MOST_DEPARTURE:g} counts), so relax adds paths around the true ones whose tiny standard errors mean "
        f"nothing; take a shorter window ({remedy})."
    )


def body_remark(capture: xr.Dataset) -> str | None:
    """Say so where targets of a simulated capture are bodies, whose every point is a path to find.

    Parameters
    ----------
    capture : xarray.Dataset
        One without truth gives None.
    """
    if "target" not in capture:
        return None
    targets = capture["target"].values
    further = int(np.count_nonzero(targets >= 0)) - np.unique(targets[targets >= 0]).size
    if not further:
        return None
    return (
        f"the targets have {further} further paths (limbs, blades, echoes over walls); the ground truth is that of "
        "their reference points alone, so estimates of the others count as false."
    )


def interpolation_remark(windows: Sequence[CaptureWindow]) -> str | None:
    """Say how much of windows was interpolated.

    Parameters
    ----------
    windows : sequence of CaptureWindow
        Conditioned; None where all packets are at their own times.
    """
    moved = [window for window in windows if window.interpolated]
    if not moved:
        return None
    packets, received = (sum(getattr(w, name) for w in moved) for name in ("packets", "received"))
    gap = max(window.longest_gap for window in moved)
    return (
        f"{len(moved)} of {len(windows)} windows were interpolated onto a uniform grid: {packets} packets from "
        f"{received} received, the longest gap {gap * 1e3:.3g} ms; motion faster than half a Doppler period in a "
        "gap gives errors and false paths (relax takes packets at their own times)"
    )


def band_remark(window: CaptureWindow, lag_ratio: float) -> str | None:
    """Say so where the mean of R over a wide band loses walking paths (docs/method.md, "Which subcarriers").

    Parameters
    ----------
    window : CaptureWindow
        What the spectrum is made of.
    lag_ratio : float
        Its lag as a share of the packets.
    """
    band = float(np.ptp(window.csi.coords["frequency"].values))
    lag_s = round(lag_ratio * window.packets) * window.interval
    if band == 0 or lag_s == 0:
        return None
    null = speed_of_light / (2 * lag_s * band)
    if _KEPT_TO * null >= _WALKING:
        return None
    return (
        f"the mean over a band of {band / 1e6:.4g} MHz weakens fast paths: by a tenth at {_KEPT_TO * null:.2g} m/s, to "
        f"nothing at {null:.2g} m/s; spectra with --combine resolved or noncoherent keep them"
    )


def rest_remark(capture: xr.Dataset, receiver: str, times: list[NDArray[np.float64]]) -> str | None:
    """Say so where targets of a simulated capture are at rest, every point of theirs.

    Parameters
    ----------
    capture, receiver, times
        As for :func:`departure_from_cubic`; a capture without truth, or whose truth cannot be drawn again, gives None.
    """
    if "scenario" not in capture.attrs or not_drawn_again(capture):
        return None
    drawn = realisation_of(capture)
    radio = drawn.scenario.radio
    i = receiver_number(radio, receiver)
    in_windows = np.zeros(drawn.n_targets, np.int64)
    for time in times:
        still = at_rest(drawn.path_lengths(time)[i], radio.wavelength_m)
        in_windows += np.array([still[drawn.target == n].all() for n in range(drawn.n_targets)], bool)
    resting = np.count_nonzero(in_windows)
    if not resting:
        return None
    where = "" if (in_windows[in_windows > 0] == len(times)).all() else " in some of the windows"
    return (
        f"{resting} of {drawn.n_targets} targets are at rest{where} (no path of theirs changes by {LEAST_SWING:g} "
        "wavelengths): they are removed with the static part and are invisible, so they cannot be found."
    )


def target_names(scenario: Scenario, truth: xr.Dataset) -> list[str]:
    """Name the target of each true path: its number and, where the scenario has one, its label."""
    labels = [target.label for target in scenario.targets.fixed or ()]
    return [
        f"{t} ({labels[t]})" if t < len(labels) and labels[t] else str(t)
        for t in map(int, truth["target"].values)
    ]


def impairment_lines(capture: xr.Dataset, scenario: Scenario) -> list[str]:
    """Say what the simulated hardware did to a capture, one impairment a line, with the numbers drawn."""
    on, attrs = scenario.impairments, capture.attrs
    lines = []
    if on.noise:
        lines.append(f"thermal noise: SNR {attrs['snr_db']:.1f} dB of a unit path")
    if on.cfo is not None:
        lines.append(f"carrier frequency offset: {attrs['cfo_hz']:.1f} Hz, with phase noise")
    if on.sfo is not None:
        lines.append(f"sampling frequency offset: {attrs['sfo_ppm']:.2f} ppm")
    if on.sto is not None:
        time = capture["time"].values
        drift = clock_drift(attrs["sfo_ppm"], time, scenario.radio.bandwidth_hz)
        # Of the first device, as the attributes are.
        timing = (np.atleast_2d(capture["timing_offset"].values)[0] - drift) * 1e9
        lines.append(f"symbol timing offset: {timing.mean():.1f} ns, {timing.std():.1f} ns of jitter")
    if on.agc is not None:
        gain = np.atleast_2d(capture["agc_gain_db"].values)[0]
        steps = int(np.count_nonzero(np.diff(gain)))
        lines.append(f"gain control: {steps} steps, {gain.min():.1f} to {gain.max():.1f} dB")
    if on.jitter is not None:
        lines.append("packet times: jittered")
    if on.loss is not None:
        lost = int(attrs["packets"]) - capture.sizes["packet"]
        lines.append(f"packet loss: {lost} of {attrs['packets']} packets")
    if on.chains is not None:
        turned = float(capture["chain_turned"].values.mean())
        lines.append(
            f"chains: phases {on.chains.phase}, gains of {np.std(capture['chain_gain_db'].values):.1f} dB about their "
            f"mean, turned by π in {turned:.0%} of the packets"
        )
    if on.quantisation is not None:
        lines.append(f"quantisation: {attrs['quantisation_bits']} bits")
    return lines
