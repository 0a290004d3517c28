"""`isacsim.count_targets`: right numbers, honest probabilities, and "cannot tell" where that is so."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim.conditioning import condition
from isacsim.counting.counting import count_targets
from isacsim.errors import InputError


def simulated(name: str, seed: int, n_targets: int | None = None) -> xr.Dataset:
    return isacsim.simulate(isacsim.load_scenario(name), seed=seed, n_targets=n_targets)


@pytest.fixture(scope="module")
def three() -> xr.Dataset:
    """Three point targets."""
    return simulated("default", 5, 3)


@pytest.fixture(scope="module")
def counted(three: xr.Dataset) -> xr.Dataset:
    return isacsim.count_targets(three)


def test_points_are_counted(counted):
    assert dict(counted.sizes) == {"window": 1, "n": 13}
    assert counted["count"].item() == counted["at_least"].item() == 3
    assert counted["kind"].item() == "points" and counted["reason"].item() == ""
    assert counted["bodies"].item() < 0.5
    assert counted["probability"].sum().item() == pytest.approx(1)
    assert counted["probability"].values.argmax() == 3
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in counted.variables.values())


def test_conditioned_csi_is_one_window(three, counted):
    csi = condition(three, uniform=False)[0]
    assert count_targets(csi).identical(counted)
    assert count_targets(csi.T).identical(counted)


def test_people_are_counted():
    numbers = []
    for seed in range(900_000, 900_006):
        found = count_targets(simulated("walker", seed, 1))
        assert found["kind"].item() == "bodies" and found["bodies"].item() > 0.5
        numbers.append(found["count"].item())
    # 0.98 of them are right (docs/counting.md): five of six or more with probability 0.994.
    assert numbers.count(1) >= 5


def test_knowing_the_most_there_can_be_helps():
    two = simulated("walker", 900_003, 2)
    free, bound = (count_targets(two, max_targets=most, targets="bodies") for most in (12, 3))
    share = free["probability"].values[0]
    assert free["kind"].item() == bound["kind"].item() == "bodies" and bound.sizes["n"] == 4
    assert bound["probability"].values[0] == pytest.approx(share[:4] / share[:4].sum())
    # Four people are not one, whatever is said to be the most: that is not shared out among 0 and 1.
    found = count_targets(simulated("walker", 900_003, 4), max_targets=1, targets="bodies")
    assert found["count"].item() == -1 and found["at_least"].item() == 1
    assert "more people move than the 1" in found["reason"].item()


def test_nobody_is_nobody():
    found = count_targets(simulated("walker", 4, 0))
    assert found["count"].item() == 0


def test_a_limit_that_is_reached_is_at_least(three):
    found = count_targets(three, max_components=2, targets="points")
    assert found["count"].item() == -1 and found["at_least"].item() == 2
    assert "limit of 2 components" in found["reason"].item()
    assert found["probability"].isnull().all()
    more = count_targets(three, max_targets=2, targets="points")
    assert more["count"].item() == -1 and "3 paths move, more than the 2" in more["reason"].item()


def test_where_no_rule_holds_it_cannot_tell(three):
    few = three.isel(packet=slice(0, 20))
    assert "20 packets are too few" in count_targets(few, targets="points")["reason"].item()
    narrow = three.isel(subcarrier=slice(0, 20))
    for targets, words in (("auto", "set targets to points or bodies"), ("bodies", "bandwidth of 6.25 MHz")):
        found = count_targets(narrow, targets=targets)
        assert found["count"].item() == -1 and found["at_least"].item() == 0
        assert words in found["reason"].item()
    short = count_targets(three, window_s=0.4, targets="bodies")
    assert short.sizes["window"] == 2 and (short["count"] == -1).all()
    assert "window of 0.9 to 1.2 s" in short["reason"].values[0]


def test_speeds_at_the_search_limit_may_be_aliases():
    scenario = isacsim.load_scenario("single_target")
    # A packet rate at which half of it is 25.8 m/s: what moves faster is seen at another speed or at the edge.
    csi = condition(isacsim.simulate(scenario, seed=0), uniform=False)[0]
    frequency = csi.coords["frequency"].values
    time = csi.coords["time"].values
    edge = 0.5 * 1000 * 299792458 / frequency.mean()
    path = np.exp(-2j * np.pi / 299792458 * np.outer(frequency, 20 + 0.985 * edge * time))
    found = count_targets(csi.copy(data=(csi.values + path).astype(np.complex64)), targets="points")
    assert found["count"].item() == -1 and "alias" in found["reason"].item()


MODULE = """
def count(csi, max_targets):
    assert csi.dims == ("subcarrier", "packet")
    return None if csi.time.values[0] > -0.3 else [0] + [1] * max_targets

def wrong(csi, max_targets):
    return [1.0]

def picky(csi, max_targets):
    from isacsim import InputError
    raise InputError("windows must be longer.")

def negative(csi, max_targets):
    return [-0.5] + [0.5] * max_targets
"""


@pytest.fixture
def registered(tmp_path, monkeypatch):
    (tmp_path / "some_counter.py").write_text(MODULE)
    info = tmp_path / "some_counter-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-counter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[isacsim.counters]\nsome = some_counter:count\nwrong = some_counter:wrong\nlost = no_such_module:count\n"
        "negative = some_counter:negative\npicky = some_counter:picky\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("some_counter", None)


def test_other_packages_register_counters(three, registered):
    found = count_targets(three, method="some", max_targets=4, window_s=0.4)
    assert found["count"].values.tolist() == [1, -1]
    assert found["probability"].values[0] == pytest.approx([0, 0.25, 0.25, 0.25, 0.25])
    assert found["reason"].values[1] == "some cannot tell" and found.attrs["method"] == "some"
    refused = count_targets(three, method="picky", window_s=0.4)
    assert set(refused["count"].values) == {-1} and set(refused["reason"].values) == {
        "windows must be longer"
    }
    with pytest.raises(
        InputError, match=r"entry points isacsim\.counters: .*lost, negative, picky, some, wrong"
    ):
        count_targets(three, method="other")
    with pytest.raises(InputError, match=r"must give 4 probabilities, of 0 to 3 targets, got shape \(1,\)"):
        count_targets(three, method="wrong", max_targets=3)
    with pytest.raises(InputError, match=r"must give 4 probabilities, .* got numbers from -0\.5 to 0\.5"):
        count_targets(three, method="negative", max_targets=3)
    with pytest.raises(InputError, match="no_such_module:count, which cannot be loaded"):
        count_targets(three, method="lost")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"max_targets": 0}, "max_targets must be an integer of at least 1, got 0"),
        ({"max_components": 0}, "max_components must be"),
        ({"targets": "cats"}, "targets must be"),
        ({"method": "none"}, "method must be auto or a counter"),
        ({"receiver": 1}, "receiver= must be one of 0 = rx; got 1"),
        ({"start_s": -1}, "start_s must be"),
    ],
)
def test_what_cannot_be_is_refused(three, arguments, words):
    with pytest.raises(InputError, match=words):
        count_targets(three, **arguments)


def test_other_arrays_are_refused(three):
    with pytest.raises(InputError, match=r"over subcarrier, packet.*got receiver, subcarrier, packet"):
        count_targets(three["csi"])
    with pytest.raises(InputError, match="got ndarray"):
        count_targets(three["csi"].values[0])
    with pytest.raises(InputError, match="coordinate frequency"):
        count_targets(three["csi"][0].drop_vars("frequency"))
    with pytest.raises(InputError, match="window_s applies to a whole capture only"):
        count_targets(three["csi"][0], window_s=1.0)
