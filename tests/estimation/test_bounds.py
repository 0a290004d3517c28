"""The bound: closed forms, a literal Fisher matrix, invariances, and what the data do not determine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import c

from isacsim.errors import InputError
from isacsim.estimation.bounds import PARAMETERS, cramer_rao_bound

pytestmark = pytest.mark.numerical

CARRIER = 5.805e9
T = np.arange(1024) / 1e3
F = CARRIER + np.linspace(-40e6, 40e6, 8)
TWO = {
    "path_length": [5.0, 9.0],
    "velocity": [1.0, -0.8],
    "acceleration": [2.0, -3.0],
    "jerk": [10.0, 25.0],
    "amplitude": [1.0, 0.6],
    "phase": [0.3, -2.0],
}


def mean(theta, t, f):
    """The model, written as method.md section 1 has it."""
    t = t - (t[0] + t[-1]) / 2
    h = np.zeros((f.size, t.size), complex)
    for d0, v, a, r, amplitude, phase in theta.reshape(-1, 6):
        d = d0 + v * t + a * t**2 / 2 + r * t**3 / 6
        h += amplitude * np.exp(1j * phase - 2j * np.pi * f[:, None] * d / c)
    return h


def literal(paths, t, f, snr_db, static):
    """Fisher matrix with central differences and, where static is unknown, with its unknowns spelled out."""
    theta = np.array([paths[name] for name in PARAMETERS], float).T.ravel()
    columns = []
    for i in range(theta.size):
        # Steps of about a thousandth of a radian.
        step = [1e-5, 1e-5, 1e-4, 1e-3, 1e-4, 1e-4][i % 6]
        up, down = theta.copy(), theta.copy()
        up[i] += step
        down[i] -= step
        columns.append(((mean(up, t, f) - mean(down, t, f)) / (2 * step)).ravel())
    if static == "unknown":
        for k in range(f.size):
            one = np.zeros((f.size, t.size), complex)
            one[k] = 1
            columns += [one.ravel(), 1j * one.ravel()]
    j = np.array(columns)
    fisher = 2 * 10 ** (snr_db / 10) * (j @ j.conj().T).real
    scale = np.sqrt(np.diag(fisher))
    return (
        np.sqrt(np.diag(np.linalg.inv(fisher / np.outer(scale, scale))))[: theta.size] / scale[: theta.size]
    )


@pytest.mark.parametrize("subcarriers", [1, 4])
def test_tends_to_the_closed_form_for_many_packets(subcarriers):
    snr_db, packets = 3.0, 8192
    t = np.linspace(0, 1.024, packets)
    f = CARRIER + np.linspace(-1e3, 1e3, subcarriers) if subcarriers > 1 else np.array([CARRIER])
    bound = cramer_rao_bound(t, f, snr_db=snr_db, static="known")
    scale = 1 / (2 * 10 ** (snr_db / 10) * subcarriers * packets)
    wave = c / (2 * np.pi * CARRIER)
    assert bound.std_acceleration.item() == pytest.approx(np.sqrt(720 * scale) * wave / 1.024**2, rel=1e-3)
    assert bound.std_jerk.item() == pytest.approx(np.sqrt(100800 * scale) * wave / 1.024**3, rel=1e-3)
    # Without the static part the amplitude is a mean of 2 rho K Q real samples, times two for one quadrature.
    assert bound.std_amplitude.item() == pytest.approx(np.sqrt(scale), rel=1e-3)


@pytest.mark.parametrize("static", ["unknown", "known"])
@pytest.mark.parametrize("jitter", [False, True])
def test_equals_a_literal_fisher_matrix(static, jitter):
    t = np.arange(96) * 0.0107
    if jitter:
        t = t + np.random.default_rng(1).uniform(-0.004, 0.004, t.size)
    f = CARRIER + np.array([-40e6, -31e6, -2e6, 7e6, 33e6, 40e6])
    bound = cramer_rao_bound(t, f, snr_db=10, paths=TWO, static=static)
    ours = np.stack([bound[f"std_{name}"].values for name in PARAMETERS], axis=1).ravel()
    np.testing.assert_allclose(ours, literal(TWO, t, f, 10, static), rtol=2e-5)


@settings(deadline=None, max_examples=25)
@given(
    snr_db=st.floats(-20, 40),
    origin=st.floats(-5, 5),
    phase=st.floats(-3, 3),
    scale=st.floats(0.1, 10),
)
def test_invariances(snr_db, origin, phase, scale):
    """Noise scales every deviation; the clock's origin and a common phase change none."""
    base = cramer_rao_bound(T[::8], F, snr_db=0, paths=TWO)
    moved = {**TWO, "phase": np.add(TWO["phase"], phase), "amplitude": np.multiply(TWO["amplitude"], scale)}
    other = cramer_rao_bound(T[::8] + origin, F, snr_db=snr_db, paths=moved)
    factor = 10 ** (-snr_db / 20)
    for name in PARAMETERS:
        gain = 1 if name == "amplitude" else scale
        np.testing.assert_allclose(other[f"std_{name}"], base[f"std_{name}"] * factor / gain, rtol=1e-6)


def test_knowing_less_never_helps():
    alone = cramer_rao_bound(T, F, snr_db=0, paths={k: v[:1] for k, v in TWO.items()})
    known = cramer_rao_bound(T, F, snr_db=0, paths=TWO, static="known")
    both = cramer_rao_bound(T, F, snr_db=0, paths=TWO)
    for name in PARAMETERS:
        assert both[f"std_{name}"][0] >= alone[f"std_{name}"][0] * (1 - 1e-9)
        assert (both[f"std_{name}"] >= known[f"std_{name}"] * (1 - 1e-9)).all()


def test_one_subcarrier_has_no_path_length():
    one = cramer_rao_bound(T, [CARRIER], snr_db=0, static="known")
    assert np.isnan(one.std_path_length) and np.isnan(one.std_phase)
    many = cramer_rao_bound(T, CARRIER + np.linspace(-10, 10, 4), snr_db=0, static="known")
    for name in ("velocity", "acceleration", "jerk", "amplitude"):
        assert one[f"std_{name}"].item() == pytest.approx(2 * many[f"std_{name}"].item(), rel=1e-6)


def test_a_path_at_rest_cannot_be_told_from_the_static_part():
    paths = {**TWO, "velocity": [0, 1], "acceleration": [0, 1], "jerk": [0, 1]}
    bound = cramer_rao_bound(T, F, snr_db=0, paths=paths)
    assert np.isnan(bound.std_amplitude[0]) and np.isnan(bound.std_path_length[0])
    assert np.isfinite([bound[f"std_{name}"][1].item() for name in PARAMETERS]).all()
    assert np.isfinite(cramer_rao_bound(T, F, snr_db=0, paths=paths, static="known").std_amplitude).all()


def test_labels():
    bound = cramer_rao_bound(T, F, snr_db=0, paths=TWO)
    assert bound.sizes == {"path": 2}
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in bound.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"static": "maybe"}, "static"),
        ({"snr_db": np.nan}, "snr_db"),
        ({"paths": {"velocity": [1.0]}}, "lacks 'path_length'"),
        ({"paths": {**TWO, "jerk": [1.0]}}, "one value per path"),
        ({"paths": {**TWO, "amplitude": [1.0, 0.0]}}, "above zero"),
        ({"paths": {**TWO, "jerk": [1.0, np.nan]}}, "finite"),
        ({"time": T[::-1]}, "rising"),
        ({"time": T[:3]}, "packets"),
        ({"frequency": [CARRIER, CARRIER]}, "different"),
        ({"frequency": []}, "subcarrier"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"time": T, "frequency": F, "snr_db": 0.0, **change}
    time, frequency = arguments.pop("time"), arguments.pop("frequency")
    with pytest.raises(InputError, match=message):
        cramer_rao_bound(time, frequency, **arguments)
