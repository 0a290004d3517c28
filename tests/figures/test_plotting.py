"""Figures: each has what it must show, none touches matplotlib's global state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim import InputError
from isacsim.figures.csi import csi_figure
from isacsim.figures.scene import scene_figure
from isacsim.figures.spectra import (
    doppler_figure,
    draw_aj,
    png,
    save_figure,
    spectra_figure,
    spectrum_figure,
)
from isacsim.simulation.truth import realisation_of, truth_at


@pytest.fixture(scope="module")
def capture() -> xr.Dataset:
    return isacsim.simulate(isacsim.load_scenario("single_target"), seed=0)


@pytest.fixture(scope="module")
def spectrum(capture: xr.Dataset) -> xr.DataArray:
    return isacsim.aj_spectrum(capture.csi).isel(receiver=0)


def points(axes: object) -> list[np.ndarray]:
    return [c.get_offsets() for c in axes.collections if c.get_label() in ("truth", "estimate")]  # type: ignore[attr-defined]


def test_spectrum_is_drawn_compressed_with_acceleration_to_the_right(
    capture: xr.Dataset, spectrum: xr.DataArray
) -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    mesh = draw_aj(axes, spectrum, truth=truth_at(capture, "rx", 0.0))
    shown = mesh.get_array().reshape(64, 64)  # (jerk, acceleration)
    j, i = np.unravel_index(shown.argmax(), shown.shape)
    assert spectrum.acceleration[i] == pytest.approx(3, abs=0.15)
    assert spectrum.jerk[j] == pytest.approx(20, abs=0.7)
    assert shown.max() == pytest.approx(1)
    np.testing.assert_allclose(shown.T, (spectrum / spectrum.max()) ** 0.25, rtol=1e-5)
    assert axes.get_xlabel() == "path acceleration [m/s²]"
    assert axes.get_ylabel() == "path jerk [m/s³]"
    np.testing.assert_allclose(points(axes)[0], [[3, 20]])


def test_an_empty_spectrum_is_drawn_dark(spectrum: xr.DataArray) -> None:
    figure = spectra_figure({"clean": spectrum * 0, "noisy": spectrum})
    assert figure.axes[0].collections[0].get_array().max() == 0
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(("count", "with_doppler"), [(1, True), (1, False), (5, True), (2, False)])
def test_grid_of_windows_has_a_panel_each(
    capture: xr.Dataset, spectrum: xr.DataArray, count: int, with_doppler: bool
) -> None:
    spectrogram = isacsim.doppler_spectrogram(capture.csi.isel(receiver=0)) if with_doppler else None
    figure = spectrum_figure(
        xr.concat([spectrum] * count, "window"),
        titles=[f"window {i}" for i in range(count)],
        truths=[truth_at(capture, "rx", 0.0)] * count,
        spectrogram=spectrogram,
        title="a title",
        note="a note " * 30,
    )
    titles = [axes.get_title() for axes in figure.get_axes()]
    assert [t for t in titles if t.startswith("window")] == [f"window {i}" for i in range(count)]
    assert titles.count("Doppler spectrogram") == with_doppler
    assert len(png(figure)) > 10_000


def test_doppler_axis_on_the_right_is_the_path_velocity(capture: xr.Dataset) -> None:
    spectrogram = isacsim.doppler_spectrogram(capture.csi.isel(receiver=0))
    figure = doppler_figure(spectrogram, truth_at(capture, "rx", 0.0))
    axes = figure.axes[0]
    figure.draw_without_rendering()
    doppler = -2 * 5.805e9 / 299792458  # a growing path lies below
    right = axes.child_axes[0].transData.transform((0, 2))[1]
    assert right == pytest.approx(axes.transData.transform((0, doppler))[1], abs=1)
    line = axes.lines[0].get_ydata()
    middle = line[len(line) // 2]
    assert middle == pytest.approx(-1 * 5.805e9 / 299792458, rel=0.05)
    assert axes.get_ylabel() == "Doppler [Hz]"


def test_csi_figure_has_magnitude_phase_and_moving_part(capture: xr.Dataset) -> None:
    titles = [a.get_title() for a in csi_figure(capture.csi.isel(receiver=0)).axes]
    assert titles[:2] == ["magnitude", "phase"]
    assert "moving" in titles[2]


@pytest.mark.parametrize("name", ["single_target", "lab", "lab_siso", "vehicle", "empty_room"])
def test_scene_shows_every_target_mover_and_antenna(name: str) -> None:
    drawn = realisation_of(isacsim.simulate(isacsim.load_scenario(name), seed=0))
    figure = scene_figure(drawn)
    labels = [text.get_text().removesuffix(", 4 elements") for text in figure.legends[0].get_texts()]
    expected = {f"target {i}" for i in range(drawn.n_targets)}
    expected |= {m.name for m in drawn.scenario.movers} | {"transmitter", "surveillance receiver"}
    assert expected <= set(labels)


def test_ellipse_is_the_place_of_all_paths_of_that_length() -> None:
    from matplotlib.patches import Ellipse

    drawn = realisation_of(isacsim.simulate(isacsim.load_scenario("single_target"), seed=0))
    (ellipse,) = [p for p in scene_figure(drawn).axes[0].patches if isinstance(p, Ellipse)]
    points = ellipse.get_patch_transform().transform(ellipse.get_path().vertices[:-1])
    foci = np.array([[0, 0], [2, 0]])
    length = np.linalg.norm(points[:, np.newaxis] - foci, axis=-1).sum(axis=1)
    # A curve's control points lie outside it; those on it repeat with every third.
    np.testing.assert_allclose(length[::3], 6, rtol=1e-3)


def test_pictures_need_a_picture_s_name(tmp_path: Path, capture: xr.Dataset) -> None:
    figure = csi_figure(capture.csi.isel(receiver=0, subcarrier=slice(0, 4)))
    with pytest.raises(InputError, match=r"must end in \.png"):
        save_figure(figure, tmp_path / "capture.nc")
    save_figure(figure, tmp_path / "deep" / "a.svg")
    assert "<svg" in (tmp_path / "deep" / "a.svg").read_text()


def test_drawing_leaves_pyplot_alone() -> None:
    code = "import sys, isacsim.figures.spectra, isacsim.figures.scene; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
