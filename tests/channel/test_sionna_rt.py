"""Ray-traced environments: paths by closed-form geometry, kept scenes, and their pictures."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.constants import speed_of_light

from isacsim import InputError
from isacsim.channel.sionna import ray_tracing
from isacsim.channel.sionna.ray_tracing import traced_paths
from isacsim.channel.static import static_response
from isacsim.figures.environment import environment_figure
from tests.channel.metal_box import METAL, RECEIVER, SIZE, TRANSMITTER
from tests.extras import need

WAVELENGTH = speed_of_light / 5.8e9


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def tracer():
    need("sionna_rt")


def paths_of(scenario):
    return traced_paths(scenario.environment, scenario.radio)


def images(order):
    """Lengths of all paths with up to `order` reflections in the box, by mirror images of the transmitter."""
    lengths = []
    for n in product(range(-order, order + 1), repeat=3):
        if sum(map(abs, n)) <= order:
            place = [
                k * size + (x if k % 2 == 0 else size - x)
                for k, size, x in zip(n, SIZE, TRANSMITTER, strict=True)
            ]
            lengths.append(np.linalg.norm(np.subtract(place, RECEIVER)))
    return np.sort(lengths)


def test_paths_in_a_box_are_those_of_the_mirror_images(tracer, scenario):
    paths = paths_of(scenario())
    assert paths.coefficient.shape == paths.delay.shape == (1, 25)
    # Float32 of tens of metres: 4e-6 a rounding, of which there are some. A wavelength is 0.05.
    np.testing.assert_allclose(paths.delay[0] * speed_of_light, images(2), atol=1e-4)


def test_vertices_make_up_the_length_and_lie_on_the_walls(tracer, scenario):
    paths = paths_of(scenario())
    for p in range(25):
        met = paths.vertex[0, p]
        met = met[~np.isnan(met[:, 0])]
        track = np.vstack([TRANSMITTER, met, RECEIVER])
        length = np.linalg.norm(np.diff(track, axis=0), axis=1).sum()
        assert length == pytest.approx(paths.delay[0, p] * speed_of_light, abs=1e-4)
        on = np.isclose(met, 0, atol=1e-4) | np.isclose(met, SIZE, atol=1e-4)
        assert on.any(axis=1).all()


def test_coefficients_are_friis_and_metal_turns_the_phase(tracer, scenario):
    paths = paths_of(scenario())
    length = paths.delay[0] * speed_of_light
    np.testing.assert_allclose(paths.coefficient[0, 0], WAVELENGTH / (4 * np.pi * length[0]), rtol=1e-4)
    # Paths in the horizontal plane meet vertical walls with the field along them: reflected whole, and turned.
    horizontal = np.nanmax(np.abs(paths.vertex[0, 1:, :, 2] - 1.4), axis=1, initial=0) < 1e-4
    assert horizontal.sum() == 12  # 4 with one reflection, 8 with two
    count = (~np.isnan(paths.vertex[0, 1:, :, 0])).sum(axis=1)
    want = (-1.0) ** count * WAVELENGTH / (4 * np.pi * length[1:])
    np.testing.assert_allclose(paths.coefficient[0, 1:][horizontal], want[horizontal], rtol=2e-3)


def test_response_is_the_coherent_sum_of_the_paths(tracer, scenario):
    made = scenario(power_db=0.0)
    paths = paths_of(made)
    want = np.zeros(16, complex)
    for a, tau in zip(paths.coefficient[0], paths.delay[0], strict=True):
        want += a * np.exp(-2j * np.pi * made.radio.frequency_hz * tau)
    want /= np.sqrt(np.mean(np.abs(want) ** 2))
    np.testing.assert_allclose(static_response(made, rng())[0], want, atol=1e-7)


def test_directional_antennas_gain_where_they_look(tracer, scenario):
    def line_of_sight(**antenna):
        made = scenario(max_depth=0, receivers=[{"name": "rx"} | antenna])
        return 20 * np.log10(np.abs(paths_of(made).coefficient[0, 0]))

    plain = line_of_sight()
    away = (2 * np.array(RECEIVER) - TRANSMITTER).tolist()
    # 3GPP's element: 8 dBi along its axis, 30 dB less behind.
    assert line_of_sight(pattern="tr38901", looks_at_m=TRANSMITTER) - plain == pytest.approx(8, abs=0.1)
    assert line_of_sight(pattern="tr38901", looks_at_m=away) - plain == pytest.approx(-22, abs=0.2)
    assert line_of_sight(pattern="hw_dipole") - plain == pytest.approx(2.15, abs=0.05)


def test_receivers_keep_their_traced_power(tracer, scenario):
    receivers = [
        {"name": "reference", "role": "reference", "position_m": [4.9, 4.7, 1.4]},
        {"name": "surveillance", "position_m": RECEIVER},
    ]
    antennas = [{"name": "reference", "pattern": "tr38901", "looks_at_m": TRANSMITTER}]
    made = scenario(radio={"receivers": receivers}, receivers=antennas, max_depth=0, power_db=7.0)
    power = np.mean(np.abs(static_response(made, rng())) ** 2, axis=1)
    length = [np.linalg.norm(np.subtract(r["position_m"], TRANSMITTER)) for r in receivers]
    assert 10 * np.log10(power[1]) == pytest.approx(7.0)
    ratio = 8 + 20 * np.log10(length[1] / length[0])
    assert 10 * np.log10(power[0] / power[1]) == pytest.approx(ratio, abs=0.1)


def test_traced_phases_give_one_channel_and_random_ones_many(tracer, scenario):
    one = scenario()
    np.testing.assert_array_equal(static_response(one, rng(1)), static_response(one, rng(2)))
    many = scenario(phases="random")
    assert not np.allclose(static_response(many, rng(1)), static_response(many, rng(2)))


def test_an_open_door_reflects_nothing_and_a_closed_one_does(tracer, scenario):
    # The first reflection at the wall x = 0: where the mirror image's line meets it.
    image = np.array([-TRANSMITTER[0], *TRANSMITTER[1:]])
    share = TRANSMITTER[0] / (TRANSMITTER[0] + RECEIVER[0])
    y = TRANSMITTER[1] + share * (RECEIVER[1] - TRANSMITTER[1])
    length = np.linalg.norm(image - RECEIVER)

    def found(doors):
        paths = paths_of(scenario(room={"doors": doors}))
        return np.isclose(paths.delay[0] * speed_of_light, length, atol=1e-4).sum()

    assert found([]) == 1
    assert found([{"at_m": [0.0, y]}]) == 0
    assert found([{"at_m": [0.0, y], "surface": METAL}]) == 1
    assert found([{"at_m": [0.0, y], "height_m": 1.3}]) == 1  # passes above it


def test_furniture_stands_in_the_way(tracer, scenario):
    middle = np.add(TRANSMITTER, RECEIVER) / 2
    crate = {"corner_m": [middle[0] - 0.5, middle[1] - 0.5, 0.0], "size_m": [1.0, 1.0, 2.5], "surface": METAL}
    clear, blocked = (paths_of(scenario(room={"furniture": f})) for f in ([], [crate]))
    direct = np.abs(
        blocked.coefficient[0][np.isclose(blocked.delay[0], clear.delay[0, 0], rtol=1e-6, atol=0)]
    )
    assert (direct < 1e-6 * np.abs(clear.coefficient[0, 0])).all()


def test_a_corner_hides_the_transmitter(tracer, make_scenario):
    corridor = {"kind": "corridor", "width_m": 2.0, "legs_m": [12.0, 8.0], "walls": METAL}
    receivers = [{"name": "rx", "position_m": [11.3, 4.1, 1.4]}]

    def delays(depth):
        environment = {"kind": "sionna_rt", "room": corridor, "max_depth": depth}
        radio = {"transmitter_m": [1.0, 1.0, 1.4], "receivers": receivers}
        return paths_of(make_scenario(environment=environment, radio=radio)).delay[0]

    straight = np.hypot(10.3, 3.1)
    assert delays(6).min() * speed_of_light > straight + 0.1
    with pytest.raises(InputError, match=r"found no path .* to receiver 'rx'; raise environment\.max_depth"):
        delays(0)


def test_pillars_are_traced(tracer, make_scenario):
    room = {"kind": "hall", "size_m": [10.0, 8.0], "pillars_m": [[5.0, 4.0]], "pillar": METAL}
    radio = {"transmitter_m": [1.0, 4.0, 1.5], "receivers": [{"name": "rx", "position_m": [9.0, 4.0, 1.5]}]}
    made = make_scenario(environment={"kind": "sionna_rt", "room": room, "max_depth": 1}, radio=radio)
    paths = paths_of(made)
    seen = np.abs(paths.coefficient[0]) > 1e-7
    assert paths.delay[0][seen].min() * speed_of_light > 8.1  # not straight through


def test_equally_long_paths_have_one_order(tracer, scenario, monkeypatch):
    """The tracer gives them in one order or another: here, turned round."""
    from sionna import rt

    made = scenario()
    as_given = ray_tracing._trace(made.environment, made.radio)
    assert (np.diff(as_given.delay[0]) == 0).any()
    solve = rt.PathSolver.__call__

    class Turned:
        def __init__(self, paths):
            self.a = [np.array(part)[..., ::-1] for part in paths.a]
            self.tau = np.array(paths.tau)[..., ::-1]
            self.vertices = np.array(paths.vertices)[..., ::-1, :]
            self.interactions = np.array(paths.interactions)[..., ::-1]

    monkeypatch.setattr(
        rt.PathSolver, "__call__", lambda self, *args, **how: Turned(solve(self, *args, **how))
    )
    turned = ray_tracing._trace(made.environment, made.radio)
    for name in ("coefficient", "delay", "vertex"):
        np.testing.assert_array_equal(getattr(turned, name), getattr(as_given, name))


# --- kept scenes ---------------------------------------------------------------------------------------------------


def forget():
    traced_paths.cache_clear()
    ray_tracing._unit_response.cache_clear()


def test_kept_damaged_and_fresh_scenes_have_the_same_bits(tracer, scenario, tmp_path, monkeypatch):
    monkeypatch.setenv("ISACSIM_CACHE", str(tmp_path / "deep" / "cache"))
    made = scenario(power_db=3.0)
    forget()
    fresh = static_response(made, rng())
    (kept,) = (tmp_path / "deep" / "cache").iterdir()
    whole = kept.read_bytes()
    for content in (whole[:200], b"", b"PK\x03\x04 nonsense"):
        kept.write_bytes(content)
        forget()
        np.testing.assert_array_equal(static_response(made, rng()), fresh)
        assert len(kept.read_bytes()) == len(whole)
    # Neither a louder nor a random one is traced anew, but all else is.
    monkeypatch.setattr(ray_tracing, "_trace", lambda *_: pytest.fail("traced again"))
    forget()
    np.testing.assert_array_equal(static_response(made, rng()), fresh)
    static_response(scenario(power_db=9.0, phases="random"), rng())
    monkeypatch.setattr(ray_tracing, "_trace", lambda *_: (_ for _ in ()).throw(RuntimeError("traced")))
    for change in (
        {"max_depth": 1},
        {"room": {"height_m": 3.1}},
        {"receiver": (5.2, 4.7, 1.5)},
        {"radio": {"carrier_hz": 5.7e9}},
        {"transmitter": {"pattern": "dipole"}},
    ):
        with pytest.raises(RuntimeError, match="traced"):
            static_response(scenario(**change), rng())


def test_tracing_twice_gives_the_same_bits(tracer, scenario):
    made = scenario(max_depth=4)
    first, again = (ray_tracing._trace(made.environment, made.radio) for _ in range(2))
    for name in ("coefficient", "delay", "vertex"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


def test_a_cache_that_can_t_be_written_is_a_warning(tracer, scenario, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ISACSIM_CACHE", str(tmp_path / "file"))
    forget()
    with pytest.warns(UserWarning, match="cannot be kept: .*ISACSIM_CACHE names another folder"):
        static_response(scenario(), rng())


def test_the_cache_s_place(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert str(ray_tracing.cache_folder()) != "/somewhere/isacsim"  # ISACSIM_CACHE goes first
    monkeypatch.delenv("ISACSIM_CACHE")
    assert str(ray_tracing.cache_folder()) == "/somewhere/isacsim"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ray_tracing.cache_folder() == tmp_path / ".cache" / "isacsim"


# --- limits, and pictures ------------------------------------------------------------------------------------------


def test_nearest_allowed_to_a_wall_no_reflection_is_lost(tracer, scenario):
    # Ten millimetres from the wall x = 0: the six mirror images are all there, and the straight line.
    paths = paths_of(scenario(receiver=(0.01, 4.7, 1.4), max_depth=1))
    assert np.count_nonzero(paths.coefficient[0]) == 7


def test_a_material_unknown_at_the_carrier_is_said(tracer, scenario):
    with pytest.raises(InputError, match=r"at 0\.5 GHz Sionna says: Properties of ITU material"):
        paths_of(scenario(radio={"carrier_hz": 0.5e9}, room={"walls": {"material": "brick"}}))


@pytest.mark.parametrize("phases", ["traced", "random"])
def test_picture_shows_room_and_paths(tracer, scenario, phases):
    figure = environment_figure(
        scenario(phases=phases, room={"doors": [{"at_m": [3.0, 0.0]}]}), seed=0, receiver=0
    )
    top = next(axes for axes in figure.axes if axes.get_ylabel() == "y [m]")
    assert len(top.collections[0].get_segments()) == 25
    labels = {axes.get_ylabel() for axes in figure.axes} | {axes.get_xlabel() for axes in figure.axes}
    assert {"x [m]", "z [m]", "path length [m]", "path power [dB below the strongest]"} <= labels


def test_picture_of_a_statistical_environment(make_scenario):
    figure = environment_figure(make_scenario(), seed=0, receiver=1)
    delay, frequency = figure.axes
    assert len(frequency.lines) == 4 and "ref" in delay.get_title()
    shown = delay.lines[0]
    # The line of sight (3.5 m) is the maximum, as far as 80 MHz show it.
    assert shown.get_xdata()[np.argmax(shown.get_ydata())] == pytest.approx(3.5 / 0.2998, abs=10)
