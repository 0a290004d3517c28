"""Part of study `realism`: whole simulated captures against real ones, before and after `scenarios from-capture`.

Nothing of a window is given here, unlike in `validation.realism_windows`: packet times, hardware, static channel,
levels and motion are the scenario's own. Before: the shipped scenarios `intel5300` and `walker` as they are. After: the
scenario that `isacsim.scenario_from_capture` makes of the capture. What is compared is read off each window the same
way, of the strongest receiver.

Distances are Wasserstein's first and the energy distance (G. J. Székely and M. L. Rizzo, J. Stat. Plan. Inference 143,
2013) between all values of the real windows and all of the simulated ones. The floor is the same distance between the
two halves of the capture: where people come and go, or packets change, it is not small.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import energy_distance, wasserstein_distance

from isacsim import load_scenario, scenario_from_capture, simulate
from isacsim.dataset.real.files import CaptureFile
from isacsim.errors import InputError
from isacsim.survey.alignment import align_to
from isacsim.survey.levels import doppler_half, split_power
from isacsim.survey.measure import Recording, recording

from .realism_windows import read_file

__all__ = ["SHIPPED", "STATISTICS", "compare_match", "folder_captures", "statistics"]

Real = NDArray[np.float64]

SHIPPED = ("intel5300", "walker")
"""Scenarios that stand for not having matched anything."""
# Name: (label, unit). In the order of the figure.
STATISTICS = {
    "variation": ("amplitude variation by subcarrier", "1"),
    "profile": ("mean power by subcarrier", "dB"),
    "static": ("static over all that changes", "dB"),
    "noise": ("all that changes over noise", "dB"),
    "doppler": ("Doppler that holds half the energy", "Hz"),
    "interval": ("packet interval", "ms"),
    "gain": ("power from packet to packet", "dB"),
    "phase": ("phase from packet to packet", "rad"),
    "delay": ("delay about the window's median", "ns"),
}
_MOST_WINDOWS = 40
_FEWEST_PACKETS = 16
_MOST_VALUES = 20_000


def compare_match(
    file: CaptureFile, carrier: float | None, window_s: float, trials: int, seed: int
) -> dict[str, Any]:
    """Distances of whole simulated captures from a real one, before and after matching.

    Parameters
    ----------
    file : CaptureFile
        A receiver's file or a saved capture.
    carrier : float or None
        Hz, for files that do not say theirs.
    window_s : float
        Of windows, s; longer where the packet rate needs it.
    trials : int
        Simulated windows a scenario.
    seed : int
        Of the simulations.
    """
    capture = read_file(file.path, carrier)
    try:
        taken = recording(capture)
        match = scenario_from_capture(capture, seed=seed)
    except InputError as error:
        return {"capture": file.source, "left_out": str(error)}
    radio = match.scenario.radio
    window_s = max(window_s, radio.packets / radio.packet_rate_hz)
    starts, real = _windows(taken, window_s)
    sets = {name: _simulated(load_scenario(name), trials, seed) for name in SHIPPED}
    sets["from-capture"] = _simulated(match.scenario, trials, seed + 1)
    # Windows of the two halves share no packet; a short capture has none such.
    middle = (taken.time[0] + taken.time[-1]) / 2
    halves = (
        [real[i] for i in np.flatnonzero(starts + window_s <= middle)],
        [real[i] for i in np.flatnonzero(starts >= middle)],
    )
    return {
        "capture": file.source,
        "windows": len(real),
        "simulated_windows": trials,
        "measured": match.found,
        "notes": match.notes,
        "distances": {name: _distances(real, made) for name, made in sets.items()},
        "floor": _distances(*halves) if all(halves) else {},
        "medians": {
            set_name: {name: float(np.median(_pooled(rows, name))) for name in STATISTICS}
            for set_name, rows in {"real": real, **sets}.items()
        },
    }


def _windows(taken: Recording, window_s: float) -> tuple[Real, list[dict[str, Real]]]:
    """Starts in s and statistics of windows spread over a recording, a quarter of a window apart or more."""
    span = float(taken.time[-1] - taken.time[0])
    count = int(np.clip(1 + 4 * (span - window_s) / window_s, 1, _MOST_WINDOWS))
    tried = np.linspace(taken.time[0], max(taken.time[-1] - window_s, taken.time[0]), count)
    found = [(start, one) for start in tried if (one := _cut(taken, start, window_s)) is not None]
    return np.array([start for start, _ in found]), [one for _, one in found]


def folder_captures() -> list[Path]:
    """Files of the folder that ISACSIM_CAPTURES names, that are captures by their first bytes or their name."""
    folder = os.environ.get("ISACSIM_CAPTURES")
    if not folder or not Path(folder).is_dir():
        return []
    endings = (".dat", ".pcap", ".csv", ".csi", ".nc")
    return sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in endings)


def _simulated(scenario: Any, trials: int, seed: int) -> list[dict[str, Real]]:
    radio = scenario.radio
    made = []
    for i in range(trials):
        taken = recording(simulate(scenario, seed=seed, index=i), fewest=2)
        one = _cut(taken, float(taken.time[0]), radio.packets / radio.packet_rate_hz)
        if one is not None:
            made.append(one)
    return made


def _cut(taken: Recording, start: float, window_s: float) -> dict[str, Real] | None:
    """Statistics of a window; None of one with too few packets."""
    # The last packet of a window may be late by what rounding makes of it.
    inside = slice(*np.searchsorted(taken.time, (start, start + window_s * (1 + 1e-9))).tolist())
    if inside.stop - inside.start < _FEWEST_PACKETS:
        return None
    strongest = int((np.abs(taken.csi) ** 2).mean(axis=(1, 2)).argmax())
    return statistics(
        taken.csi[strongest, :, inside], taken.frequency, taken.time[inside], taken.timing.median_interval
    )


def statistics(csi: NDArray[np.complex64], frequency: Real, time: Real, interval: float) -> dict[str, Real]:
    """Statistics of a window that are compared, by the names of `STATISTICS`.

    Parameters
    ----------
    csi : array, complex, shape (subcarrier, packet)
        One receiver, as received.
    frequency : array, shape (subcarrier,)
        Hz.
    time : array, shape (packet,)
        s.
    interval : float
        Median packet interval of the capture, s.
    """
    power = (np.abs(csi) ** 2).mean(axis=0, dtype=np.float64)
    level = (csi * np.sqrt(power.mean() / power))[np.newaxis]
    channel = level[..., int(np.argsort(power)[power.size // 2])].astype(np.complex128)
    for _ in range(3):
        aligned = align_to(level, frequency, channel)
        channel = aligned.csi.mean(axis=-1)
    one, size = aligned.csi[0], np.abs(aligned.csi[0])
    static, changing, noise = split_power(one, frequency)
    profile = 10 * np.log10((size**2).mean(axis=-1))
    return {
        "variation": size.std(axis=-1) / size.mean(axis=-1),
        "profile": profile - profile.mean(),
        "static": np.array([10 * np.log10(static / max(changing, 1e-12 * static))]),
        "noise": np.array([10 * np.log10(max(changing, 1e-12) / max(noise, 1e-3 * changing, 1e-12))]),
        "doppler": np.array([doppler_half(one, frequency, time, interval)]),
        "interval": 1e3 * np.diff(time),
        "gain": np.diff(10 * np.log10(power)),
        "phase": np.abs(np.angle(np.exp(1j * np.diff(aligned.phase[0])))),
        "delay": 1e9 * (aligned.delay[0] - np.median(aligned.delay[0])),
    }


def _pooled(rows: Sequence[dict[str, Real]], name: str) -> Real:
    """All values of some windows, evenly thinned where they are many."""
    values = np.sort(np.concatenate([row[name] for row in rows]))
    return values[:: -(-values.size // _MOST_VALUES)]


def _distances(
    real: Sequence[dict[str, Real]], other: Sequence[dict[str, Real]]
) -> dict[str, dict[str, float]]:
    found = {}
    for name in STATISTICS:
        x, y = _pooled(real, name), _pooled(other, name)
        found[name] = {
            "wasserstein": float(wasserstein_distance(x, y)),
            "energy": float(energy_distance(x, y)),
        }
    return found
