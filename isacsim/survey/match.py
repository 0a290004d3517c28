"""A scenario like a capture: what can be measured is, levels and speed are fitted by simulation.

Hardware and static channel are measured directly (`isacsim.survey.measure`). Levels and speed are fitted by simulated
moments. A few windows of the scenario are measured exactly as those of the capture. Then ``power_db``, ``snr_db`` and
the speed are changed by the difference, three times. So whatever the measure itself does to them, it does to both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim.checks import check_choice, check_number
from isacsim.errors import InputError
from isacsim.scenario.model import Scenario
from isacsim.simulation.capture import simulate
from isacsim.survey.build import Builder, Fitted
from isacsim.survey.measure import Measured, Recording, measure, recording, window_levels

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CaptureMatch", "scenario_from_capture"]

Real = NDArray[np.float64]
Body = Literal["auto", "walker", "point", "none"]

_WINDOW_S = 1.024
_LONGEST_S = 16.384
_FEWEST_PACKETS = 48
_ROUNDS, _TRIALS, _STILL_TRIALS = 3, 16, 3
# What moves in a window is above the noise by this at least, dB; else nobody is taken to be there.
_MOVES_DB = -6.0
# Half of its energy lies below this share of half the packet rate; of what is white, half does.
_MOVES_HZ = 0.35
_SNR_DB = (-20.0, 50.0)
_POWER_DB = (-20.0, 80.0)
_SPEED = (0.02, 10.0)


@dataclass(frozen=True, eq=False)
class CaptureMatch:
    """A scenario like a capture."""

    scenario: Scenario
    measured: Measured
    found: dict[str, str]
    """Values that were measured, in words."""
    notes: list[str] = field(default_factory=list)
    """Facts that the scenario cannot hold, or the capture does not show."""

    def to_yaml(self) -> str:
        """The scenario as YAML, headed by what was measured and what is assumed."""
        head = [f"# {name}: {text}" for name, text in self.found.items()]
        head += [f"# note: {text}" for text in self.notes]
        return "\n".join(head) + "\n" + self.scenario.to_yaml()


def scenario_from_capture(
    capture: xr.Dataset,
    *,
    name: str | None = None,
    body: Body = "auto",
    window_s: float | None = None,
    seed: int = 0,
) -> CaptureMatch:
    """Write a scenario whose captures are like a given one.

    Parameters
    ----------
    capture : xarray.Dataset
        Simulated or read from a file; a simulated one as if it had been received.
    name : str, optional
        Of the scenario; default: after the capture's source.
    body : {"auto", "walker", "point", "none"}
        Moving body, which no capture names. "auto": a walker in the share of windows whose motion is above the noise;
        nobody where none is.
    window_s : float, optional
        Length of a sample's window; default 1.024, or as long as 48 packets need.
    seed : int
        Of the simulations that levels and speed are fitted by.

    Returns
    -------
    CaptureMatch

    Raises
    ------
    InputError
        If the capture has fewer than 64 packets, or is shorter than 48 packets at its rate need.

    Examples
    --------
    >>> import isacsim
    >>> capture = isacsim.simulate(isacsim.load_scenario("intel5300"), seed=0)
    >>> match = isacsim.scenario_from_capture(capture)
    >>> match.scenario.radio.n_subcarriers, match.scenario.impairments.quantisation.bits
    (30, 8)
    """
    check_choice("body", body, ("auto", "walker", "point", "none"))
    taken = recording(capture)
    window, rate, bursts = _window(taken, window_s)
    measured = measure(taken, window_s=window)
    notes = ["what moves, and where antennas and people are, no capture says: assumed as in scenario walker"]
    moves = _moving(measured)
    if body == "auto":
        body = "walker" if moves.any() else "none"
    if body == "none":
        notes[0] = "nobody is there" + (
            "" if moves.any() else ": what changes is as weak, or as evenly spread, as noise"
        )
        moves[:] = True
    elif not moves.any():
        raise InputError(
            f"body={body!r}: nothing moves in this capture: its changes are as weak, or as evenly spread, as noise."
        )
    levels = np.median(measured.levels[moves], axis=0)
    source = str(capture.attrs.get("source", capture.attrs.get("scenario_name", "capture")))
    build = Builder(
        taken,
        measured,
        _roles(capture),
        window,
        rate,
        bursts,
        body,
        float(moves.mean()),
        name or _name(source),
        source,
    )
    fitted = _fitted(build, levels, seed)
    return CaptureMatch(
        build(fitted), measured, _found(measured, levels, build), notes + _unsaid(build, fitted)
    )


def _unsaid(build: Builder, fitted: Fitted) -> list[str]:
    """List facts about the capture that the scenario cannot hold."""
    notes = []
    if build.taken.odd:
        notes.append(
            f"{build.taken.odd} packets of another shape over frequency (frame kind, bandwidth) are left out"
        )
    if build.bursts:
        notes.append(
            "packets come in bursts or with long gaps, which a scenario cannot say: it has their mean rate"
        )
    if build.axes is None:
        notes.append(f"{build.rate:.3g} packets/s give no acceleration-jerk spectrum: its axes are none")
    if fitted.snr_db in _SNR_DB:
        notes.append(f"the noise could not be matched: snr_db stays at {fitted.snr_db:g}")
    return notes


def _window(taken: Recording, asked: float | None) -> tuple[float, float, bool]:
    """Window in s, packet rate in Hz, and whether packets come in bursts, so that the rate is their mean one."""
    timing = taken.timing
    gaps = float(timing.gap_length.sum()) / timing.duration
    bursts = timing.bursts or timing.lost > 0.5 or gaps > 0.3
    rate = timing.mean_rate if bursts else 1 / timing.interval
    length = _WINDOW_S if asked is None else check_number("window_s", asked, above=0, unit="seconds")
    while asked is None and length * rate < _FEWEST_PACKETS and length < _LONGEST_S:
        length *= 2
    if asked is None:
        length = min(length, timing.duration + 1 / rate)
    if length * rate < _FEWEST_PACKETS - 0.5:
        raise InputError(
            f"at {rate:.3g} packets/s a window of {length:.4g} s holds {length * rate:.0f} packets; a scenario "
            f"like this capture needs {_FEWEST_PACKETS}."
        )
    return length, rate, bursts


def _roles(capture: xr.Dataset) -> tuple[str, ...]:
    """Roles of the receivers; all of them are analysed where the capture does not say."""
    if "role" not in capture.coords:
        return ("surveillance",) * capture.sizes["receiver"]
    roles = [str(role) for role in capture.coords["role"].values]
    return tuple(role if role in ("surveillance", "reference") else "surveillance" for role in roles)


def _moving(measured: Measured) -> NDArray[np.bool_]:
    """In which windows something moves, rather than the hardware."""
    nyquist = 0.5 / measured.timing.median_interval
    return (measured.levels[:, 1] > _MOVES_DB) & (measured.levels[:, 2] < _MOVES_HZ * nyquist)


def _fitted(build: Builder, levels: Real, seed: int) -> Fitted:
    """Fit levels and speed by simulated moments; see the module's docstring."""
    still = build.body == "none"
    wavelength = speed_of_light / build.taken.carrier
    now = Fitted(
        20.0 if still else float(np.clip(levels[0], *_POWER_DB)),
        float(np.clip(levels[0] + levels[1] - 20.0 if still else levels[1], *_SNR_DB)),
        float(np.clip(levels[2] * wavelength / 2, *_SPEED)),
    )
    trials = _STILL_TRIALS if still else _TRIALS
    for _ in range(_ROUNDS):
        scenario = build(now, everywhere=True)
        found = np.median([_simulated(scenario, seed, i) for i in range(trials)], axis=0)
        off = levels - found
        # With nobody there the noise is all that changes: static over noise is what can be matched.
        power, snr = (0.0, _over_changes(levels) - _over_changes(found)) if still else (off[0], off[1])
        ratio = float(np.clip(levels[2] / max(found[2], 1e-9), 0.5, 2.0))
        now = Fitted(
            float(np.clip(now.power_db + power, *_POWER_DB)),
            float(np.clip(now.snr_db + snr, *_SNR_DB)),
            float(np.clip(now.speed * ratio, *_SPEED)),
        )
    return now


def _over_changes(levels: Real) -> float:
    """Static power over all that changes, dB."""
    return float(levels[0] - 10 * np.log10(1 + 10 ** (-levels[1] / 10)))


def _simulated(scenario: Scenario, seed: int, index: int) -> Any:
    taken = recording(simulate(scenario, seed=seed, index=index), fewest=2)
    return np.median(window_levels(taken, scenario.radio.packets / scenario.radio.packet_rate_hz), axis=0)


def _found(measured: Measured, levels: Real, build: Builder) -> dict[str, str]:
    """Describe what was measured, in words."""
    timing, errors, gains, static = measured.timing, measured.errors, measured.gains, measured.static
    spread, k = static.delay_spread_ns, static.k_factor_db
    told = {
        "packets": f"{timing.packets} at {build.rate:.4g}/s{' on average' if build.bursts else ''}, "
        f"{100 * timing.lost:.3g} % lost in bursts of {timing.mean_burst:.3g}, jitter {timing.jitter * 1e6:.3g} µs",
        "static channel": f"delay spread {spread[1]:.3g} ns ({spread[0]:.3g} to {spread[2]:.3g}), K-factor {k[1]:.3g} "
        f"dB ({k[0]:.3g} to {k[2]:.3g}); 68 % intervals",
        "levels": f"static {levels[0]:.1f} dB over what moves, that {levels[1]:.1f} dB over the noise, half of its "
        f"energy below {levels[2]:.3g} Hz; something moves in {100 * build.moving:.0f} % of the windows",
        "phase": "random from packet to packet"
        if errors.random_phase
        else f"offset {errors.cfo_hz:.2f} Hz, random walk {errors.phase_noise:.3g} rad/√s",
        "timing": f"jitter {errors.timing_jitter * 1e9:.3g} ns, sampling clock {errors.sfo_ppm:.3g} ppm",
        "gain": f"{gains.position.size} steps of {gains.size_db:.2g} dB, {gains.rate_hz:.3g} a second",
    }
    if build.body == "none":
        told["levels"] = f"static {_over_changes(levels):.1f} dB over all that changes"
    if measured.quantised.bits:
        told["quantisation"] = (
            f"{measured.quantised.bits} bits, {measured.quantised.headroom_db:.3g} dB headroom"
        )
    return told


def _name(source: str) -> str:
    """Name of the scenario, after a file's: of the letters that a name may have."""
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", source.rsplit("/", 1)[-1].rsplit(".", 1)[0]).strip("_.-")
    return f"like_{stem}" if stem else "like_capture"
