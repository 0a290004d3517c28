"""The static part of the channel, from a scenario's section ``environment``.

A kind of environment is one section in `isacsim.scenario.environments` and one function, registered for it at the end
of this module. Each function gets the section (its distributions replaced by numbers), the radio and a Generator and
returns the response of shape (stream, subcarrier), a stream a pair of elements (`Radio.streams`), before the receivers'
``static_gain_db``. ``power_db`` is relative to a path of unit amplitude.
"""

from __future__ import annotations

from functools import lru_cache, singledispatch

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light
from scipy.optimize import brentq

from isacsim.channel import ieee80211, rays
from isacsim.channel.sionna import ray_tracing, statistical
from isacsim.scenario.environments import (
    Cdl,
    Environment,
    Factory,
    Floor,
    IndoorOffice,
    NoEnvironment,
    Rayleigh,
    RayTraced,
    StreetCanyon,
    Tdl,
    TwoRay,
    WifiIndoor,
)
from isacsim.scenario.model import Scenario
from isacsim.scenario.numbers import plain
from isacsim.scenario.radio import Radio

__all__ = ["environment_response", "exponential_profile", "static_response"]

Response = NDArray[np.complex128]
# The power-delay profile is cut where it has fallen by about 43 dB.
_PROFILE_SPREADS = 10.0


def static_response(scenario: Scenario, rng: np.random.Generator) -> Response:
    """Static channel of one capture.

    Parameters
    ----------
    scenario : Scenario
        For its environment and radio; its distributions replaced by numbers.
    rng : numpy.random.Generator
        Source of what no field describes: taps, phases of paths, clusters.

    Returns
    -------
    numpy.ndarray, complex128, shape (stream, subcarrier)

    Raises
    ------
    TypeError
        If no function is registered for the environment.
    """
    radio = scenario.radio
    gain = np.array([radio.receivers[one.receiver].static_gain_db for one in radio.streams])
    response = environment_response(scenario.environment, radio, rng)
    return np.asarray(response * 10 ** (gain[:, np.newaxis] / 20))


@singledispatch
def environment_response(environment: Environment, radio: Radio, rng: np.random.Generator) -> Response:
    """Response of an environment, (stream, subcarrier); the module's docstring says how a kind is added."""
    raise TypeError(f"no static environment is registered for {type(environment).__name__}")


@environment_response.register
def _none(environment: NoEnvironment, radio: Radio, rng: np.random.Generator) -> Response:
    return np.zeros((len(radio.streams), radio.n_subcarriers), np.complex128)


@environment_response.register
def _two_ray(environment: TwoRay, radio: Radio, rng: np.random.Generator) -> Response:
    """Line of sight and one mirror image of the transmitter (image method)."""
    coefficient, power = plain(environment.reflection_coefficient), plain(environment.power_db)
    surface = environment.surface
    if isinstance(surface, Floor):
        point, normal = np.array([0.0, 0.0, plain(surface.height_m)]), np.array([0.0, 0.0, 1.0])
    else:
        point = np.array([plain(x) for x in surface.point_m])
        normal = np.array(surface.normal) / np.linalg.norm(surface.normal)
    sources = radio.transmitter_elements_m
    out = []
    for elements in radio.receiver_elements_m:
        made = []
        for element in elements:
            for source in sources:
                image = source - 2 * ((source - point) @ normal) * normal
                length = np.array([np.linalg.norm(element - s) for s in (source, image)])
                both = np.exp(-2j * np.pi * radio.frequency_hz[:, np.newaxis] * length / speed_of_light)
                made.append(both @ (np.array([1.0, coefficient]) / length))
        response = np.array(made, np.complex128)
        out.append(response / np.sqrt(np.mean(np.abs(response) ** 2)))
    return np.asarray(np.concatenate(out) * 10 ** (power / 20), np.complex128)


@environment_response.register
def _rayleigh(environment: Rayleigh, radio: Radio, rng: np.random.Generator) -> Response:
    """Complex Gaussian taps under an exponential power-delay profile, from the line of sight's delay on.

    Taps are independent from receiver to receiver; a Rician line of sight has the geometric phase. Over arrays a tap
    is a cluster of rays (`isacsim.channel.rays`).
    """
    power = plain(environment.power_db)
    spread = plain(environment.delay_spread_ns) * 1e-9
    k_factor = None if environment.k_factor_db is None else 10 ** (plain(environment.k_factor_db) / 10)
    delay, profile = exponential_profile(spread, int(plain(environment.n_taps)))
    if radio.has_arrays:
        angles = environment.angular_spread_deg
        response = rays.over_arrays(
            radio,
            delay,
            profile,
            rng,
            k_factor=None if k_factor is None else np.full(len(radio.receivers), k_factor),
            spread_deg=None if angles is None else plain(angles),
        )
        return response * 10 ** (power / 20)
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


environment_response.register(WifiIndoor)(ieee80211.wifi_indoor)
environment_response.register(RayTraced)(ray_tracing.ray_traced)
environment_response.register(Tdl)(statistical.tdl)
environment_response.register(Cdl)(statistical.cdl)
for _place in (IndoorOffice, Factory, StreetCanyon):
    environment_response.register(_place)(statistical.system_level)
