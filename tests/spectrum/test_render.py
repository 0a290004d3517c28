"""Self-terms of known paths on a spectrum's axes."""

from __future__ import annotations

import numpy as np
import pytest

import isacsim
from isacsim.errors import InputError
from isacsim.spectrum.aj import self_term_spectrum
from tests.spectrum.moving_paths import AXES, CARRIER, TIME, path, spectrum

pytestmark = pytest.mark.numerical

ALONE = np.array([CARRIER])
STILL = {"remove_static": False}
ONE = {"acceleration": [3.0], "jerk": [10.0], "amplitude": [0.8]}


@pytest.mark.parametrize(
    "settings",
    [{}, {"lags": "symmetric"}, {"window": "hann", "lag_window": "hann"}, {"combine": "resolved"},
     {"combine": "resolved", "equalise": 0.5, "window": None}],
)  # fmt: skip
def test_one_path_is_its_own_spectrum(settings):
    # One subcarrier: no band over which anything could fade.
    h = path(3.0, 10.0, amplitude=0.8, frequency=ALONE)
    made = isacsim.aj_spectrum(h, time=TIME, frequency=ALONE, **STILL, **settings)
    rendered = isacsim.render_spectrum(ONE, made)
    if (
        made.attrs["combine"] == "resolved"
    ):  # its height is that of the largest bin, which lies beside the path
        made = made * float(rendered.max() / made.max())
    assert np.abs(rendered - made).max() < 2e-3 * made.max()  # the rate of R is reduced
    assert rendered.attrs["combine"] == settings.get("combine", "coherent")


@pytest.mark.parametrize("combine", ["coherent", "resolved"])
def test_paths_add_as_the_definition_says(combine):
    like = spectrum(path(0.0, 0.0), combine=combine)
    two = {"acceleration": [3.0, 3.3], "jerk": [10.0, 12.0], "amplitude": [0.5, 1.3]}
    each = [isacsim.render_spectrum({k: v[i : i + 1] for k, v in two.items()}, like).values for i in range(2)]
    both = isacsim.render_spectrum(two, like).values
    if combine == "resolved":
        np.testing.assert_allclose(both, each[0] + each[1], rtol=1e-5, atol=1e-6)
        assert each[0].max() / each[1].max() == pytest.approx((0.5 / 1.3) ** 0.5, rel=0.05)
    else:
        paths = np.stack(
            [path(a, r, amplitude=m, frequency=ALONE) for a, r, m in zip(*two.values(), strict=True)]
        )
        expected = self_term_spectrum(paths, time=TIME, frequency=ALONE, **AXES, **STILL).values
        assert np.abs(both - expected).max() < 5e-3 * expected.max()


def test_many_captures_and_missing_paths():
    like = spectrum(path(0.0, 0.0), combine="resolved")
    nan = float("nan")
    rendered = isacsim.render_spectrum(
        {
            "acceleration": [[3.0, nan], [nan, nan]],
            "jerk": [[10.0, nan], [nan, nan]],
            "amplitude": [[0.8, nan], [nan, nan]],
        },
        like,
    )
    assert rendered.dims == ("dim_0", "acceleration", "jerk") and rendered.dtype == np.float32
    assert np.array_equal(rendered[0].values, isacsim.render_spectrum(ONE, like).values)
    assert not rendered[1].any()


def test_what_cannot_be_is_refused():
    like = spectrum(path(0.0, 0.0), combine="resolved")
    with pytest.raises(InputError, match="amplitude is missing"):
        isacsim.render_spectrum({"acceleration": [1.0], "jerk": [1.0]}, like)
    with pytest.raises(InputError, match="must have one shape"):
        isacsim.render_spectrum({**ONE, "jerk": [1.0, 2.0, 3.0], "amplitude": [1.0, 2.0]}, like)
    with pytest.raises(InputError, match="does not say how it was made: its attributes lack carrier"):
        isacsim.render_spectrum(ONE, like.drop_attrs())
    with pytest.raises(InputError, match="without delays"):
        isacsim.render_spectrum(ONE, spectrum(path(0.0, 0.0), combine="delay"))
