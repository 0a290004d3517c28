"""What was simulated and what was found, as rows of numbers: for the terminal and for the page of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from isacsim.axes import WindowGrid
from isacsim.channel.impairments import clock_drift

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.scenario import Scenario

__all__ = ["Match", "impairment_lines", "match_paths", "target_names"]


@dataclass(frozen=True)
class Match:
    """A true path, an estimated path, or both where they belong together; positions within their data sets."""

    truth: int | None
    estimate: int | None


def match_paths(truth: xr.Dataset, estimates: xr.Dataset, grid: WindowGrid) -> list[Match]:
    """Pair estimates with the truth: the assignment of least distance, at most one resolution cell apart.

    Parameters
    ----------
    truth, estimates : xarray.Dataset
        With ``acceleration`` and ``jerk`` over ``path``.
    grid : WindowGrid
        Of the window; distances count in its resolution cells.

    Returns
    -------
    list of Match
        One for each true path, then the estimates left over.
    """
    cell = np.array(grid.resolution())
    names = ["acceleration", "jerk"]
    t = np.array([truth[n].values for n in names]).T / cell
    e = np.array([estimates[n].values for n in names]).T / cell
    distance = np.linalg.norm(t[:, np.newaxis] - e[np.newaxis], axis=-1)
    near = distance <= 1
    # Every pair too far apart costs the same, more than any chain of near ones.
    rows, columns = linear_sum_assignment(np.where(near, distance, len(t) + len(e) + 1.0))
    found = {int(i): int(j) for i, j in zip(rows, columns, strict=True) if near[i, j]}
    matches = [Match(i, found.get(i)) for i in range(len(t))]
    return matches + [Match(None, j) for j in range(len(e)) if j not in found.values()]


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
        timing = (capture["timing_offset"].values - drift) * 1e9
        lines.append(f"symbol timing offset: {timing.mean():.1f} ns, {timing.std():.1f} ns of jitter")
    if on.agc is not None:
        gain = capture["agc_gain_db"].values
        steps = int(np.count_nonzero(np.diff(gain)))
        lines.append(f"gain control: {steps} steps, {gain.min():.1f} to {gain.max():.1f} dB")
    if on.jitter is not None:
        lines.append("packet times: jittered")
    if on.loss is not None:
        lost = int(attrs["packets"]) - capture.sizes["packet"]
        lines.append(f"packet loss: {lost} of {attrs['packets']} packets")
    if on.quantisation is not None:
        lines.append(f"quantisation: {attrs['quantisation_bits']} bits")
    return lines
