"""Plotting functions for users: on an axes of theirs or a new one; wrong shapes are refused in one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray as xr

matplotlib.use("agg")

import matplotlib.pyplot as plt

import isacsim
from isacsim import InputError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plotting.md"


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def capture() -> xr.Dataset:
    return isacsim.simulate("single_target", seed=0)


@pytest.fixture(scope="module")
def given(capture: xr.Dataset) -> dict[str, xr.DataArray | xr.Dataset]:
    """What each function draws."""
    return {
        "plot_spectrum": isacsim.aj_spectrum(capture.csi),  # a receiver dimension of size 1
        "plot_doppler": isacsim.doppler_spectrogram(capture.csi.isel(receiver=0)),
        "plot_csi": capture.csi,
        "plot_tracks": isacsim.track(capture),
    }


@pytest.mark.parametrize("name", ["plot_spectrum", "plot_doppler", "plot_csi", "plot_tracks"])
def test_on_an_axes_or_a_new_one(name, given) -> None:
    plot = getattr(isacsim, name)
    figure, (left, right) = plt.subplots(1, 2)
    assert plot(given[name], ax=right) is right
    assert right.collections and not left.collections and plt.get_fignums() == [figure.number]
    alone = plot(given[name], colorbar=False)
    assert alone.figure is not figure and len(plt.get_fignums()) == 2
    assert len(alone.figure.axes) == 1 and len(figure.axes) == 3  # the colour bar
    for axes in (right, alone):
        axes.figure.canvas.draw()
        assert "[" in axes.get_xlabel() and "[" in axes.get_ylabel()
    with pytest.raises(
        InputError, match=r"^ax must be a matplotlib Axes, or None for a new figure, got <Figure"
    ):
        plot(given[name], ax=figure)


def test_truth_and_estimates_lie_on_the_peak(capture, given) -> None:
    spectrum = given["plot_spectrum"].isel(receiver=0)
    axes = isacsim.plot_spectrum(spectrum, truth=capture, estimates=capture.isel(receiver=0))
    marks = {
        c.get_label(): c.get_offsets() for c in axes.collections if c.get_label() in ("truth", "estimate")
    }
    np.testing.assert_allclose(marks["truth"], [[3, 20]])
    np.testing.assert_allclose(marks["estimate"], [[3, 20]])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["truth", "estimate"]
    np.testing.assert_allclose(
        axes.collections[0].get_array().reshape(64, 64).T, (spectrum / spectrum.max()) ** 0.25, rtol=1e-5
    )
    twice = isacsim.plot_spectrum(spectrum, scale=2 * float(spectrum.max()))
    assert twice.collections[0].get_array().max() == pytest.approx(0.5**0.25)


def test_doppler_and_csi_show_what_they_were_given(capture, given) -> None:
    axes = isacsim.plot_doppler(given["plot_doppler"], truth=capture)
    line = axes.lines[0]
    middle = np.interp(0, line.get_xdata(), line.get_ydata())
    assert middle == pytest.approx(-float(capture.velocity.squeeze()) * 5.805e9 / 299792458, rel=0.05)
    for what, low, high in (
        ("magnitude", -np.inf, np.inf),
        ("phase", -np.pi, np.pi),
        ("moving", -np.pi, np.pi),
    ):
        values = isacsim.plot_csi(capture.csi, what=what).collections[0].get_array()
        assert values.size == capture.csi.size and low <= values.min() < values.max() <= high


def test_wrong_shapes_are_refused_in_one_sentence(capture, given) -> None:
    spectrum, csi = given["plot_spectrum"], capture.csi
    two = xr.concat([spectrum, spectrum], "receiver")
    cases = [
        (isacsim.plot_spectrum, two, "spectrum must have dims acceleration, jerk, got receiver 2, acceleration 64, "
         "jerk 64; choose one: .isel(receiver=0)."),
        (isacsim.plot_spectrum, csi, "spectrum must have dims acceleration, jerk, got receiver 1, subcarrier 64, "
         "packet 1024."),
        (isacsim.plot_spectrum, np.ones((64, 64)), "spectrum must be an xarray.DataArray with dims acceleration, "
         "jerk, got ndarray of shape (64, 64)."),
        (isacsim.plot_spectrum, spectrum.isel(jerk=slice(0)), "spectrum must not be empty, got receiver 1, "
         "acceleration 64, jerk 0."),
        (isacsim.plot_spectrum, spectrum.drop_vars("jerk"), "spectrum must have the coordinates jerk, which it lacks."),
        (isacsim.plot_doppler, spectrum, "spectrogram must have dims doppler, time, got receiver 1, acceleration 64, "
         "jerk 64."),
        (isacsim.plot_csi, abs(csi), "csi must be complex, got float32."),
        (isacsim.plot_tracks, csi.to_dataset(name="csi"), "tracks must be what isacsim.track gives, got Dataset with "
         "csi."),
    ]  # fmt: skip
    sizes = dict(capture.csi.sizes)
    for plot, value, told in cases:
        told = told.replace("subcarrier 64", f"subcarrier {sizes['subcarrier']}")
        told = told.replace("packet 1024", f"packet {sizes['packet']}")
        with pytest.raises(InputError) as refused:
            plot(value)
        assert str(refused.value) == told
    with pytest.raises(InputError, match=r"what must be one of magnitude, phase, moving, got 'power'"):
        isacsim.plot_csi(csi, what="power")
    with pytest.raises(
        InputError, match=r"truth must be an xarray.Dataset with acceleration, jerk over path, got"
    ):
        isacsim.plot_spectrum(spectrum, truth=spectrum)
    lab = isacsim.simulate("lab_siso", seed=0)
    with pytest.raises(
        InputError, match=r"truth must be over path alone, got .*; choose one: .isel\(receiver=0\)\.$"
    ):
        isacsim.plot_spectrum(spectrum, truth=lab)
    assert not plt.get_fignums(), "a refused call must not leave an empty figure"


def test_the_page_s_code_runs_and_its_refusal_is_real(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(code, {})
    assert (tmp_path / "default.png").stat().st_size > 10_000
    call, told = re.findall(r">>> (.*)\nInputError: (.*)\n", text)[0]
    with pytest.raises(InputError) as refused:
        eval(call, {"isacsim": isacsim})
    assert str(refused.value) == told
    for name in re.findall(r"`isacsim\.(plot_\w+)`", text):
        assert callable(getattr(isacsim, name))
