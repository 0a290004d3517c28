"""How far a search goes by default, what is refused, and what is marked."""

import numpy as np
import pytest
from isacsim.validation.captures import axes, channel, noise, static_part

import isacsim
from isacsim.errors import InputError
from isacsim.estimation.grid import SPEED_OF_LIGHT, SamplingGrid
from isacsim.estimation.limits import Limits
from isacsim.estimation.relax.search import TrackSearch
from isacsim.estimation.relax.size import searched_speed

LATTICE = np.arange(1024) / 1000.0
FREQUENCY = 5.8e9 + 312.5e3 * np.arange(8)
NYQUIST = SPEED_OF_LIGHT * 1000 / (2 * FREQUENCY.mean())


def one_path(t, f, velocity, snr_db=20.0):
    rng = np.random.default_rng(0)
    truth = {"path_length": 40.0, "velocity": velocity, "acceleration": 3.0, "jerk": 20.0}
    truth = {name: np.array([value]) for name, value in truth.items()}
    truth |= {"amplitude": np.ones(1), "phase": np.zeros(1)}
    h = channel(t, f, truth) + static_part(rng, f, 20.0)
    return (h + noise(rng, h.shape, snr_db)).astype(np.complex64)


def test_the_speed_follows_carrier_and_packet_rate():
    assert Limits.for_axes(LATTICE, FREQUENCY).velocity == pytest.approx(NYQUIST)
    assert Limits.for_axes(LATTICE * 2, FREQUENCY).velocity == pytest.approx(NYQUIST / 2)
    assert Limits.for_axes(LATTICE, FREQUENCY / 2).velocity == pytest.approx(min(2 * NYQUIST, 60))
    fast = Limits.for_axes(LATTICE / 10, FREQUENCY)
    assert fast.velocity == 60 and fast.acceleration == pytest.approx(18) and fast.jerk == 60
    plain = Limits.for_axes(LATTICE, FREQUENCY, max_speed=10.0)
    assert (plain.path_length, plain.velocity, plain.acceleration, plain.jerk) == (120, 10, 8, 40)
    # A window of 50 s: speeds within it stay below twice the limit, V / h and 4 V / h² times two.
    slow = Limits.for_axes(np.arange(500) / 10.0, FREQUENCY)
    assert slow.velocity == pytest.approx(NYQUIST / 100)
    assert slow.acceleration == pytest.approx(2 * slow.velocity / 24.95)
    assert slow.jerk == pytest.approx(8 * slow.velocity / 24.95**2)


def test_packet_times_say_which_speeds_look_alike():
    rng = np.random.default_rng(1)

    def unambiguous(time):
        return SamplingGrid.from_axes(time, FREQUENCY).unambiguous_velocity / NYQUIST

    assert unambiguous(LATTICE) == pytest.approx(1)
    # The spectrum of the packet times is sampled at a quarter of 1 / window: 1e-3 of the packet rate at least.
    assert unambiguous(LATTICE[rng.random(1024) < 0.4]) == pytest.approx(1, rel=2e-3)
    assert unambiguous(LATTICE[::2]) == pytest.approx(0.5)
    assert unambiguous(LATTICE + rng.uniform(-4e-4, 4e-4, 1024)) > 4
    # Ten of every hundred milliseconds: the bursts' own repetition does not count, a millisecond does.
    bursts = np.concatenate([0.1 * i + np.arange(10) / 1000 for i in range(10)])
    assert 0.8 < unambiguous(bursts) < 1.2


@pytest.mark.parametrize("name", ["max_path_length", "max_speed", "max_acceleration", "max_jerk"])
def test_limits_are_checked(name):
    with pytest.raises(InputError, match=name):
        Limits.for_axes(LATTICE, FREQUENCY, **{name: -1.0})
    with pytest.raises(
        InputError, match="for methods 'auto', 'modes' and 'relax'" if name[4] in "ps" else name
    ):
        isacsim.estimate_paths(
            one_path(LATTICE, FREQUENCY, 1.0),
            time=LATTICE,
            frequency=FREQUENCY,
            method="peaks",
            **{name: -1.0},
        )
    with pytest.raises(InputError, match="not 'haf'"):
        isacsim.estimate_paths(
            one_path(LATTICE, FREQUENCY, 1.0), time=LATTICE, frequency=FREQUENCY, method="haf", **{name: 1.0}
        )
    with pytest.raises(InputError, match="jerk"):
        Limits(1.0, 1.0, 1.0, -1.0)


def test_a_speed_beyond_half_the_packet_rate_is_refused_unless_packets_are_irregular():
    with pytest.raises(InputError, match=r"max_speed must be at most 25.8 m/s.*1000 packets/s"):
        Limits.for_axes(LATTICE, FREQUENCY, max_speed=30.0)
    jittered = LATTICE + np.random.default_rng(2).uniform(-4e-4, 4e-4, 1024)
    assert Limits.for_axes(jittered, FREQUENCY, max_speed=30.0).velocity == 30


def test_fast_targets_are_found_by_default_and_marked_at_the_edge():
    t, f = axes(16, 1024, rate=2000.0)
    found = isacsim.estimate_paths(one_path(t, f, 20.0), time=t, frequency=f, method="relax")
    assert found.sizes["path"] == 1 and not found.ambiguous
    assert found.velocity.item() == pytest.approx(20, abs=0.01)
    assert "speed 51.6 m/s" in found.attrs["limits"]
    assert found.attrs["unambiguous_speed"] == pytest.approx(SPEED_OF_LIGHT * 1000 / f.mean())
    slower = isacsim.estimate_paths(one_path(t, f, 20.0), time=t, frequency=f, method="relax", max_speed=20.2)
    assert slower.ambiguous.all()
    # Irregular packets resolve what even ones of the same mean rate cannot.
    t = np.sort(np.random.default_rng(3).uniform(0, 1.024, 512))
    found = isacsim.estimate_paths(one_path(t, f, 40.0), time=t, frequency=f, method="relax", max_speed=45.0)
    assert found.velocity.values == pytest.approx([40], abs=0.01) and not found.ambiguous


@pytest.mark.parametrize("velocity", [35.0, -55.0])
def test_the_walk_tells_a_target_beyond_half_the_packet_rate_from_its_alias(velocity):
    """53 m apart at the window's ends, in 20 MHz: else it comes out as ten false paths at the alias."""
    f = 5.8e9 + 1.25e6 * np.arange(16)
    found = isacsim.estimate_paths(one_path(LATTICE, f, velocity), time=LATTICE, frequency=f, method="relax")
    assert found.velocity.values == pytest.approx([velocity], abs=0.01) and found.ambiguous.all()
    # 2.5 MHz do not tell, nor is more searched than was asked for.
    narrow = SamplingGrid.from_axes(LATTICE, FREQUENCY)
    assert searched_speed(narrow, Limits.for_axes(LATTICE, FREQUENCY)) == pytest.approx(NYQUIST)
    wide = SamplingGrid.from_axes(LATTICE, f)
    assert searched_speed(wide, Limits.for_axes(LATTICE, f)) == 60
    assert searched_speed(wide, Limits.for_axes(LATTICE, f, max_speed=20.0)) == 20


def test_the_largest_path_length_is_searched():
    f = 5.8e9 + 312.5e3 * np.arange(64)
    grid = SamplingGrid.from_axes(LATTICE, f)
    for longest in (41.0, 120.0):
        search = TrackSearch(grid, Limits.for_axes(LATTICE, f, max_path_length=longest))
        assert search.length[-1] + search.delay_step == pytest.approx(longest, abs=search.delay_step)
        assert search.length[0] <= 0
