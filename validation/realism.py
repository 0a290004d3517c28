"""Study `realism`: how far simulated windows are from real ones, for a point and a walker, clean and impaired.

Windows of real captures against simulated ones of the same radio (`validation.realism_windows`), by distances between
their AJ spectra, Doppler, amplitudes and coherence (`validation.realism_measures`). Everything is done twice: as
received, and cleaned of two things that no body does: packets that fill a part of the band only, and gain steps.

Beside the two bodies stands a control, nobody: the static part and white noise as strong as all that is not constant in
the capture. What is no closer than that is close for being broad, not for walking.

**Intervals** are ± 1.96 standard deviations over a bootstrap of real windows, in blocks as long as a window, and of
simulated ones. **The floor** is the same distance between parts of one capture; where a capture is too short for it,
there is none. Captures of seconds hold few independent windows: the intervals do not know of other rooms, people and
days.

A second part takes whole captures, packet times and hardware included, before and after a scenario is made of the
capture (`validation.realism_match`). Without --captures both parts take the files of the folder that ISACSIM_CAPTURES
names, as far as they can be used; what cannot is listed.

Full size: 60 simulated windows a set, 300 bootstrap draws: 6 minutes on one core for three captures.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.dataset.real.files import CaptureFile, capture_files
from isacsim.errors import InputError
from isacsim.spectrum.doppler import doppler_spectrogram

from .points import Compute, Point
from .realism_match import compare_match, folder_captures
from .realism_measures import DISTANCES, NETWORK_SEED, distance, kernel, kernel_distance, measure
from .realism_windows import RealWindows, read_windows, simulated_windows
from .study import Table, opening

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

NAME = "realism"
DESCRIPTION = (
    "real captures (--captures) against simulated ones: point and walker, and scenarios made of them (6 min)"
)

Real = NDArray[np.float64]

WINDOW_S = 1.024
BODIES = ("point", "walker", "nobody")
_Z = 1.96


def run(
    *,
    quick: bool,
    seed: int,
    compute: Compute,
    trials: int | None = None,
    captures: Sequence[str | PathLike[str]] = (),
    carrier: float | None = None,
) -> Table:
    """Do the study; see `validation.study.Study`.

    Parameters
    ----------
    quick, seed, compute, trials
        As there; trials is the number of simulated windows in each set.
    captures : sequence of path
        Receivers' files or saved captures, each with somebody walking. None: those of ISACSIM_CAPTURES, without those
        that cannot be used.
    carrier : float, optional
        Hz, for the files that do not say theirs.

    Raises
    ------
    InputError
        If there is no capture, or one cannot be used.
    """
    found = list(captures) or folder_captures()
    if not found:
        raise InputError(
            "study realism needs real captures of somebody walking, each two seconds or more at 50 packets/s or more: "
            "--captures FILE, once for each file (and --carrier HZ for files that do not say theirs), or a folder "
            "of them in ISACSIM_CAPTURES."
        )
    trials = trials or (4 if quick else 60)
    every = list(capture_files(found, None, None, "test"))
    hop_s = WINDOW_S / (2 if quick else 4)
    left_out = _unusable(every, carrier, hop_s, refuse=bool(captures))
    files = [file for file in every if file.source not in left_out]
    settings = {
        "trials": trials,
        "captures": [{"file": file.source, "sha256": file.sha256} for file in files],
        "left_out": left_out,
        "carrier": carrier,
        "window_s": WINDOW_S,
        "hop_s": hop_s,
        "bootstrap": 20 if quick else 300,
        "network_seed": NETWORK_SEED,
        "room": "scenario walker, one person",
        "impairments": "scenario intel5300 without jitter and loss: packet times are the capture's",
    }
    table = opening(NAME, quick=quick, seed=seed, settings=settings)
    arguments = {
        "carrier": carrier,
        "hop_s": hop_s,
        "trials": trials,
        "draws": settings["bootstrap"],
        "seed": seed,
    }
    points = [
        Point(
            f"{file.source}, {'cleaned' if cleaned else 'as received'}, {'impaired' if impaired else 'clean'}",
            compare,
            {"file": file, "cleaned": cleaned, "impaired": impaired, **arguments},
        )
        for file in files
        for cleaned in (False, True)
        for impaired in (False, True)
    ]
    matched = [
        Point(
            f"{file.source}, matched",
            compare_match,
            {"file": file, "carrier": carrier, "window_s": WINDOW_S, "trials": trials, "seed": seed},
        )
        for file in every
    ]
    rows = compute(table, [*points, *matched])
    table["rows"], table["matched"] = rows[: len(points)], rows[len(points) :]
    table["walker_closer"] = {
        than: {name: _tally([row["walker_less"][than][name] for row in table["rows"]]) for name in DISTANCES}
        for than in BODIES
        if than != "walker"
    }
    return table


def _unusable(
    files: Sequence[CaptureFile], carrier: float | None, hop_s: float, *, refuse: bool
) -> dict[str, str]:
    """Files of which no windows can be had, and why; refused, before anything is computed, if they were named."""
    found = {}
    for file in files:
        try:
            for cleaned in (True, False):
                read_windows(file, carrier=carrier, window_s=WINDOW_S, hop_s=hop_s, cleaned=cleaned)
        except InputError as error:
            if refuse:
                raise
            found[file.source] = str(error)
    return found


def compare(
    file: CaptureFile,
    cleaned: bool,
    impaired: bool,
    carrier: float | None,
    hop_s: float,
    trials: int,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """Distances of both bodies' windows from a capture's, and the capture's own floor."""
    real = read_windows(file, carrier=carrier, window_s=WINDOW_S, hop_s=hop_s, cleaned=cleaned)
    matched = {body: simulated_windows(real, body, impaired=impaired, n=trials, seed=seed) for body in BODIES}
    hz = np.linspace(0, 0.5 / real.interval, 101)
    sets = {
        "real": _measured(real.csi, hz),
        **{body: _measured(one.csi, hz) for body, one in matched.items()},
    }
    rng = np.random.default_rng([seed, trials])
    block = int(np.ceil(WINDOW_S / hop_s))
    n = len(real.csi)
    drawn = [(_blocks(n, block, rng), rng.integers(0, trials, trials)) for _ in range(draws)]
    whole = (np.arange(n), np.arange(trials))
    allowed = (real.apart, ~np.eye(trials, dtype=bool))
    found = {body: _distances(sets["real"], sets[body], hz, allowed, [whole, *drawn]) for body in BODIES}
    example = int(real.levels[:, 0].argmin())
    return {
        "capture": file.source,
        "cleaned": cleaned,
        "impaired": impaired,
        "conditioning": real.conditioning,
        "left_out": real.odd,
        "packet_rate": 1 / real.interval,
        "subcarriers": real.frequency.size,
        "windows": n,
        "independent_windows": int((real.start[-1] - real.start[0]) / WINDOW_S + 0.05) + 1,
        "simulated_windows": trials,
        "levels_db": {
            name: np.quantile(real.levels[:, i], (0.25, 0.5, 0.75)).tolist()
            for i, name in enumerate(("static_over_moving", "moving_over_noise"))
        },
        "levels_off_db": {body: list(one.off_db) for body, one in matched.items()},
        "distances": {body: _with_intervals(found[body]) for body in BODIES},
        "walker_less": {
            than: _with_intervals(
                [{k: a[k] - b[k] for k in a} for a, b in zip(found["walker"], found[than], strict=True)]
            )
            for than in BODIES
            if than != "walker"
        },
        "floor": _floor(sets["real"], hz, real),
        "medians": {
            name: {key: float(np.median(rows[key])) for key in rows if key not in ("kernel", "doppler")}
            for name, rows in sets.items()
        },
        "energy_below": {
            "hz": hz.round(2).tolist(),
            **{name: rows["doppler"].mean(axis=0).round(4).tolist() for name, rows in sets.items()},
        },
        # The figure shows the impaired ones.
        "example": {
            "real": _picture(real.csi[example]),
            **{body: _picture(matched[body].csi[example % trials]) for body in ("walker", "point")},
        }
        if impaired
        else None,
    }


def _measured(windows: Sequence[xr.DataArray], hz: Real) -> dict[str, Real]:
    """Measures over windows: name to (window, number)."""
    rows = [measure(csi, hz) for csi in windows]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _blocks(n: int, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw n window numbers, in blocks of neighbours (moving blocks; H. R. Künsch, Ann. Statist. 17, 1989)."""
    length = min(length, n)
    first = rng.integers(0, n - length + 1, -(-n // length))
    return np.asarray((first[:, np.newaxis] + np.arange(length)).ravel()[:n])


def _distances(
    real: dict[str, Real],
    other: dict[str, Real],
    hz: Real,
    allowed: tuple[Any, Any],
    draws: Sequence[tuple[Any, Any]],
) -> list[dict[str, float]]:
    """All distances of real windows i from other windows j, for each draw (i, j); ``allowed`` as `kernel_distance`."""
    x, y = real["kernel"], other["kernel"]
    within, between = (kernel(x, x), kernel(y, y)), kernel(x, y)
    found = []
    for i, j in draws:
        counts = np.bincount(i, minlength=len(x)), np.bincount(j, minlength=len(y))
        weight = counts[0].astype(np.float64), counts[1].astype(np.float64)
        distances = {"kernel": kernel_distance(within, between, allowed, weight)}
        for name in DISTANCES:
            if name != "kernel":
                measure = name.removesuffix("_ks")
                distances[name] = distance(name, real[measure][i], other[measure][j], hz)
        found.append(distances)
    return found


def _with_intervals(found: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """The first value of each distance, ± 1.96 standard deviations of the others."""
    out = {}
    for name, value in found[0].items():
        # A draw may hold no two windows apart.
        half = _Z * float(np.nanstd([one[name] for one in found[1:]]))
        out[name] = {"value": value, "low": value - half, "high": value + half}
    return out


def _floor(rows: dict[str, Real], hz: Real, real: RealWindows) -> dict[str, dict[str, float]]:
    """Distances between halves of the capture: quarters in all three pairings, or two halves where it is short.

    A window that lies in two parts is left out. Without two windows apart in each half there is no kernel distance.
    """
    first, last = real.start[0], real.start[-1] + WINDOW_S
    parts = 4 if last - first >= 6 * WINDOW_S else 2
    length = (last - first) / parts
    part = np.floor((real.start - first) / length).astype(int)
    whole = real.start + WINDOW_S <= first + (part + 1) * length + real.interval
    halves = [
        (np.flatnonzero(whole & np.isin(part, half)), np.flatnonzero(whole & ~np.isin(part, half)))
        for half in combinations(range(parts), parts // 2)
        if 0 in half
    ]
    if not all(i.size and j.size for i, j in halves):
        return {}
    found = _distances(rows, rows, hz, (real.apart, real.apart), halves)
    floors = {}
    for name in DISTANCES:
        values = [one[name] for one in found if np.isfinite(one[name])]
        if values:
            floors[name] = {"value": float(np.mean(values)), "low": min(values), "high": max(values)}
    return floors


def _tally(differences: Sequence[dict[str, float]]) -> dict[str, int]:
    """In how many comparisons the walker is closer, and of how many the interval lies on one side."""
    return {
        "of": len(differences),
        "closer": sum(one["value"] < 0 for one in differences),
        "surely_closer": sum(one["high"] < 0 for one in differences),
        "surely_farther": sum(one["low"] > 0 for one in differences),
    }


def _picture(csi: xr.DataArray) -> dict[str, Any]:
    """A spectrogram in whole dB below its maximum: a line of text for each frequency keeps the table short."""
    spectrogram = doppler_spectrogram(csi, window_s=WINDOW_S / 4)
    # Motion lies within these, whatever the packet rate.
    spectrogram = spectrogram.sel(doppler=slice(-100, 100))
    power = spectrogram.values.astype(np.float64)
    level = np.rint(10 * np.log10(np.maximum(power / power.max(), 1e-4))).astype(int)
    return {
        "hz": spectrogram.coords["doppler"].values.round(3).tolist(),
        "s": (spectrogram.coords["time"].values - csi.coords["time"].values.mean()).round(4).tolist(),
        "db": [" ".join(map(str, row)) for row in level],
    }


def figure(table: Table) -> Figure:
    """Draw the example spectrograms and the distances; `validation.realism_figure`."""
    from .realism_figure import draw

    return draw(table)
