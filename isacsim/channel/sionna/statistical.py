"""Statistical 3GPP channels as static environments: TDL, CDL, and TR 38.901's office, factory and street, by Sionna.

Sionna draws the paths' coefficients and delays; the response at our subcarriers is their sum. It draws from a generator
of its own, which is seeded from ours for one draw and then put back as it was; PyTorch's own is never used.
Models that keep no state are made once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isacsim.channel.discrete import direct_delay, frequency_response
from isacsim.channel.rays import over_arrays
from isacsim.errors import InputError
from isacsim.scenario.environments import Cdl, Factory, IndoorOffice, StreetCanyon, Tdl, Tr38901
from isacsim.scenario.numbers import plain
from isacsim.scenario.radio import Radio

__all__ = ["cdl", "system_level", "tdl"]

Response = NDArray[np.complex128]
Paths = tuple[NDArray[np.complex128], NDArray[np.float64]]

_EXACT = {"precision": "double", "device": "cpu"}
_DRAWING = threading.Lock()


@cache
def _tr38901() -> ModuleType:
    """Sionna's TR 38.901; importing Sionna seeds PyTorch's generators anew, so they are kept."""
    try:
        import torch

        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            from sionna.phy.channel import tr38901
    except ImportError as error:
        raise InputError(
            f"this environment needs Sionna, which cannot be imported ({error}): pip install 'isacsim[rt]'."
        ) from error
    return tr38901


@contextmanager
def _seeded(rng: np.random.Generator) -> Iterator[None]:
    """Within, Sionna draws what `rng` decides; afterwards its generator is where it was."""
    import torch
    from sionna.phy import config

    with _DRAWING, torch.inference_mode():
        generator = config.torch_rng("cpu")
        state = generator.get_state()
        generator.manual_seed(int(rng.integers(2**63)))
        try:
            yield
        finally:
            generator.set_state(state)


def tdl(environment: Tdl, radio: Radio, rng: np.random.Generator) -> Response:
    """Tapped delay line, one draw a receiver, from the line of sight's delay on; over arrays, its taps are clusters."""
    power, scale = plain(environment.power_db), 1.0
    if environment.delay_spread_ns is not None:
        scale = plain(environment.delay_spread_ns) * 1e-9
    model = _tdl_model(environment.model, radio.carrier_hz)
    if radio.has_arrays:
        return _tdl_over_arrays(model, scale, environment, radio, rng) * 10 ** (power / 20)
    with _seeded(rng):
        # (batch, 1, 1, 1, 1, path, 1) and (batch, 1, 1, path)
        coefficient, delay = model(len(radio.receivers), 1, 1.0)
    a, excess = coefficient[:, 0, 0, 0, 0, :, 0].numpy(), delay[:, 0, 0].numpy() * scale
    arrival = excess + direct_delay(radio)[:, np.newaxis]
    return frequency_response(a, arrival, radio.frequency_hz) * 10 ** (power / 20)


def _tdl_over_arrays(
    model: Any, scale: float, environment: Tdl, radio: Radio, rng: np.random.Generator
) -> Response:
    share, line = model.mean_powers.numpy().astype(np.float64), 0.0
    if model.los:
        k_factor = float(model.k_factor)
        line = share[0] * k_factor / (1 + k_factor)
        share[0] -= line
    angles = environment.angular_spread_deg
    return over_arrays(
        radio,
        model.delays.numpy() * scale,
        share / share.sum(),
        rng,
        k_factor=np.full(len(radio.receivers), line / share.sum()),
        spread_deg=None if angles is None else plain(angles),
    )


@lru_cache(maxsize=32)
def _tdl_model(model: str, carrier: float) -> Any:
    # A spread of 1 s: the profile's delays in spreads, scaled by each draw's own. Fixed profiles take none.
    spread = 1.0 if len(model) == 1 else None
    return _tr38901().TDL(model, spread, carrier, **_EXACT)


def cdl(environment: Cdl, radio: Radio, rng: np.random.Generator) -> Response:
    """Clustered delay line seen by the receivers as one array of vertically polarised isotropic antennas.

    The array's phases are the plane waves' at the carrier; the straight line's length delays each receiver's envelope.
    """
    power, spread = plain(environment.power_db), plain(environment.delay_spread_ns) * 1e-9
    sent_from, places = (
        tuple(map(tuple, elements.tolist()))
        for elements in (radio.transmitter_elements_m, np.concatenate(radio.receiver_elements_m))
    )
    model = _cdl_model(environment.model, radio.carrier_hz, radio.transmitter_m, sent_from, places)
    with _seeded(rng):
        # (1, 1, element, 1, transmitting element, path, 1) and (1, 1, 1, path)
        coefficient, delay = model(1, 1, 1.0)
    a, excess = coefficient[0, 0, :, 0, :, :, 0].numpy(), delay[0, 0, 0].numpy() * spread
    a = a.reshape(-1, a.shape[-1])
    response = frequency_response(a, np.broadcast_to(excess, a.shape), radio.frequency_hz)
    offset = radio.frequency_hz - radio.carrier_hz
    direct = direct_delay(radio)[[one.receiver for one in radio.streams]]
    envelope = np.exp(-2j * np.pi * direct[:, np.newaxis] * offset)
    return np.asarray(response * envelope * 10 ** (power / 20))


@lru_cache(maxsize=32)
def _cdl_model(
    model: str,
    carrier: float,
    transmitter: tuple[float, ...],
    sent_from: tuple[tuple[float, ...], ...],
    receivers: tuple[tuple[float, ...], ...],
) -> Any:
    import torch

    middle = np.mean(receivers, axis=0)
    away = middle - np.array(transmitter)
    azimuth = np.arctan2(away[1], away[0])
    turn = np.array(
        [[np.cos(azimuth), np.sin(azimuth), 0], [-np.sin(azimuth), np.cos(azimuth), 0], [0, 0, 1.0]]
    )
    single = len(sent_from) == 1
    # No turn of the arrays themselves: their places are given along the model's axes.
    return _tr38901().CDL(
        model,
        1.0,
        carrier,
        _elements(carrier, (np.array(receivers) - middle) @ turn.T),
        _single_antenna(carrier)
        if single
        else _elements(carrier, (np.array(sent_from) - np.array(transmitter)) @ turn.T),
        ut_orientation=torch.zeros(3, dtype=torch.float64),
        **_EXACT,
    )


def _elements(carrier: float, places: NDArray[np.float64]) -> Any:
    """Array of antennas anywhere, not only on a panel's grid; places (element, 3) m along the model's axes."""
    import torch

    positions = torch.tensor(places)

    class Elements(_tr38901().PanelArray):  # type: ignore[misc]
        @property
        def ant_pos(self) -> Any:
            return positions

    return Elements(**_panel(carrier, len(places)))


def _panel(carrier: float, antennas: int) -> dict[str, Any]:
    return {
        "num_rows_per_panel": antennas,
        "num_cols_per_panel": 1,
        "polarization": "single",
        "polarization_type": "V",
        "antenna_pattern": "omni",
        "carrier_frequency": carrier,
        **_EXACT,
    }


def system_level(environment: Tr38901, radio: Radio, rng: np.random.Generator) -> Response:
    """Office, factory or street: clusters drawn for the antennas' places, from the line of sight's delay on."""
    power = plain(environment.power_db)
    # Made anew for each draw: what a used one draws depends on what it drew before (so UMi in Sionna 2.2.0).
    model = _system_model(environment, radio)
    with _seeded(rng):
        _place(model, environment, radio)
        # (1, receiver, element, 1, transmitting element, path, 1) and (1, receiver, 1, path)
        coefficient, delay = model(1, 1.0)
    # Every receiver has the elements of all; its own are picked.
    first = np.cumsum([0, *(len(elements) for elements in radio.receiver_elements_m)])
    own = [(one.receiver, first[one.receiver] + one.element, one.tx_element) for one in radio.streams]
    if not radio.has_arrays:
        own = [(i, 0, 0) for i, _, _ in own]
    a = np.stack([coefficient[0, i, m, 0, n, :, 0].numpy() for i, m, n in own])
    arrival = (delay[0, :, 0].numpy() + direct_delay(radio)[:, np.newaxis])[[i for i, _, _ in own]]
    return frequency_response(a, arrival, radio.frequency_hz) * 10 ** (power / 20)


@lru_cache(maxsize=32)
def _single_antenna(carrier: float) -> Any:
    return _tr38901().PanelArray(**_panel(carrier, 1))


def _system_model(environment: Tr38901, radio: Radio) -> Any:
    tr38901, carrier = _tr38901(), radio.carrier_hz
    sink = source = _single_antenna(carrier)
    if radio.has_arrays:
        source = _elements(carrier, radio.transmitter_elements_m - np.array(radio.transmitter_m))
        around = [
            e - np.array(r.position_m)
            for r, e in zip(radio.receivers, radio.receiver_elements_m, strict=True)
        ]
        sink = _elements(carrier, np.concatenate(around))
    common = {
        "carrier_frequency": carrier,
        "ut_array": sink,
        "bs_array": source,
        "direction": "downlink",
        # The scenario says how strong the static part is.
        "enable_pathloss": False,
        "enable_shadow_fading": False,
        "enable_spatial_consistency": True,
        **_EXACT,
    }
    match environment:
        case IndoorOffice(office=office):
            return tr38901.InH(indoor_scenario=office, **common)
        case Factory(factory=factory, hall_m=hall, clutter_density=density):
            return tr38901.InF(
                factory_scenario=factory, hall_dimensions=hall, clutter_density=density, **common
            )
        case StreetCanyon():
            # The loss into buildings is of no effect: receivers are outdoors.
            return tr38901.UMi(o2i_model="low", **common)
    raise AssertionError(environment)


def _place(model: Any, environment: Tr38901, radio: Radio) -> None:
    """Set the antennas' places, which draws the large-scale parameters."""
    import torch

    receivers = torch.tensor([[r.position_m for r in radio.receivers]], dtype=torch.float64)
    transmitter = torch.tensor([[radio.transmitter_m]], dtype=torch.float64)
    sight = {"always": True, "never": False, "random": "random"}[environment.line_of_sight]
    outdoors = torch.zeros(receivers.shape[:2], dtype=torch.bool)
    model.set_topology(
        receivers,
        transmitter,
        torch.zeros_like(receivers),
        torch.zeros_like(transmitter),
        torch.zeros_like(receivers),
        outdoors if isinstance(environment, StreetCanyon) else ~outdoors,
        los=sight,
    )
