"""The static part of the channel: a registry from the scenario's ``environment.kind`` to a function that draws it.

A kind is one config model in :mod:`isacsim.scenario.environments` and one function, registered here under the same
word. Each function gets the config, the radio and a Generator and returns the response of shape (receiver, subcarrier),
before the receivers' ``static_gain_db``. ``power_db`` is relative to a path of unit amplitude.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light
from scipy.optimize import brentq

from isacsim.channel import ieee80211
from isacsim.channel.sionna import ray_tracing, statistical
from isacsim.errors import InputError
from isacsim.scenario.chance import draw, draw_whole
from isacsim.scenario.environments import Floor, NoEnvironment, Rayleigh, TwoRay
from isacsim.scenario.model import Scenario
from isacsim.scenario.radio import Radio

__all__ = ["KINDS", "register", "static_response"]

Response = NDArray[np.complex128]
Draw = Callable[[Any, Radio, np.random.Generator], Response]

KINDS: dict[str, Draw] = {}

# The power-delay profile is cut where it has fallen by about 43 dB.
_PROFILE_SPREADS = 10.0


def register(kind: str) -> Callable[[Draw], Draw]:
    """Register a function as the environment of a kind."""

    def add(function: Draw) -> Draw:
        KINDS[kind] = function
        return function

    return add


def static_response(scenario: Scenario, rng: np.random.Generator) -> Response:
    """Static channel of one capture.

    Parameters
    ----------
    scenario : Scenario
        For its environment and radio.
    rng : numpy.random.Generator
        The only source of chance.

    Returns
    -------
    numpy.ndarray, complex128, shape (receiver, subcarrier)

    Raises
    ------
    InputError
        If no function is registered for the environment's kind.
    """
    kind = scenario.environment.kind
    if kind not in KINDS:
        raise InputError(f"environment.kind {kind!r} has no simulator; there are {', '.join(KINDS)}.")
    gain = np.array([r.static_gain_db for r in scenario.radio.receivers])
    return KINDS[kind](scenario.environment, scenario.radio, rng) * 10 ** (gain[:, np.newaxis] / 20)


@register("none")
def _none(environment: NoEnvironment, radio: Radio, rng: np.random.Generator) -> Response:
    return np.zeros((len(radio.receivers), radio.n_subcarriers), np.complex128)


@register("two_ray")
def _two_ray(environment: TwoRay, radio: Radio, rng: np.random.Generator) -> Response:
    """Line of sight and one mirror image of the transmitter (image method)."""
    coefficient, power = draw(environment.reflection_coefficient, rng), draw(environment.power_db, rng)
    surface = environment.surface
    if isinstance(surface, Floor):
        point, normal = np.array([0.0, 0.0, draw(surface.height_m, rng)]), np.array([0.0, 0.0, 1.0])
    else:
        point = np.array([draw(x, rng) for x in surface.point_m])
        normal = np.array(surface.normal) / np.linalg.norm(surface.normal)
    source = np.array(radio.transmitter_m)
    image = source - 2 * ((source - point) @ normal) * normal
    out = []
    for receiver in radio.receivers:
        length = np.array([np.linalg.norm(np.array(receiver.position_m) - s) for s in (source, image)])
        rays = np.exp(-2j * np.pi * radio.frequency_hz[:, np.newaxis] * length / speed_of_light)
        response = rays @ (np.array([1.0, coefficient]) / length)
        out.append(response / np.sqrt(np.mean(np.abs(response) ** 2)))
    return np.array(out, np.complex128) * 10 ** (power / 20)


@register("rayleigh")
def _rayleigh(environment: Rayleigh, radio: Radio, rng: np.random.Generator) -> Response:
    """Complex Gaussian taps under an exponential power-delay profile, from the line of sight's delay on.

    Taps are independent from receiver to receiver; a Rician line of sight has the geometric phase.
    """
    power = draw(environment.power_db, rng)
    spread = draw(environment.delay_spread_ns, rng) * 1e-9
    k_factor = None if environment.k_factor_db is None else 10 ** (draw(environment.k_factor_db, rng) / 10)
    delay, profile = exponential_profile(spread, draw_whole(environment.n_taps, rng))
    direct = np.array(
        [np.linalg.norm(np.subtract(r.position_m, radio.transmitter_m)) for r in radio.receivers]
    )
    frequency = radio.frequency_hz[:, np.newaxis]
    out = []
    for distance in direct:
        tap = rng.standard_normal((2, delay.size)) / np.sqrt(2)
        tap = (tap[0] + 1j * tap[1]) * np.sqrt(profile)
        arrival = delay + distance / speed_of_light
        response = np.exp(-2j * np.pi * frequency * arrival) @ tap
        if k_factor is not None:
            line = np.exp(-2j * np.pi * frequency[:, 0] * distance / speed_of_light)
            response = (np.sqrt(k_factor) * line + response) / np.sqrt(1 + k_factor)
        out.append(response)
    return np.array(out, np.complex128) * 10 ** (power / 20)


def exponential_profile(spread: float, n_taps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tap delays in s and powers (sum 1) of an exponential profile whose rms delay spread is exactly ``spread``.

    One tap has no spread. The taps are equally spaced over ten spreads; where they are too few for the plain
    exponential's decay, the decay is adjusted until the spread is right.
    """
    if n_taps == 1:
        return np.zeros(1), np.ones(1)
    delay = np.linspace(0, _PROFILE_SPREADS, n_taps)  # in spreads: the powers are the same for any
    return delay * spread, np.array(_powers(n_taps))


@lru_cache(maxsize=64)
def _powers(n_taps: int) -> tuple[float, ...]:
    delay = np.linspace(0, _PROFILE_SPREADS, n_taps)

    def powers(decay: float) -> NDArray[np.float64]:
        p = np.exp(-delay / decay)
        return np.asarray(p / p.sum())

    def excess(decay: float) -> float:
        p = powers(decay)
        return float(np.sqrt(p @ delay**2 - (p @ delay) ** 2)) - 1

    return tuple(powers(brentq(excess, 0.05, 1e3)).tolist())


register("ieee80211")(ieee80211.wifi_indoor)
register("sionna_rt")(ray_tracing.ray_traced)
register("sionna_tdl")(statistical.tdl)
register("sionna_cdl")(statistical.cdl)
for _place in ("sionna_inh", "sionna_inf", "sionna_umi"):
    register(_place)(statistical.system_level)
