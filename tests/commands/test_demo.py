"""The demo's page: self-contained, complete, and the same again from the same seed."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import isacsim
from isacsim.cli import app
from isacsim.commands.demo_page import STEPS, demo_page, table
from isacsim.commands.remarks import cubic_remark, departure_from_cubic, impairment_lines
from isacsim.conditioning.windows import capture_windows
from isacsim.estimation.matching import match_paths
from isacsim.figures.html import page as html_page
from isacsim.simulation.truth import realisation_of, truth_at
from isacsim.spectrum.grid import WindowResolution


class _Page(HTMLParser):
    """Collects what the page refers to and whether its tags match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]
        assert tag not in ("script", "link", "iframe")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    assert page.open == []
    return page


def test_demo_command_leaves_a_page_that_needs_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out" / "demo.html"
    result = CliRunner().invoke(app, ["demo", "-o", str(path), "--seed", "4", "--scenario", "vehicle"])
    assert result.exit_code == 0, result.output
    assert str(path) in result.output
    html = path.read_text(encoding="utf-8")
    page = read(html)
    assert len(page.references) == 4
    for reference in page.references:
        kind, data = reference.split(",", 1)
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
    assert not re.search(r"https?://|url\(|@import", html)
    text = " ".join(page.text)
    for words in (
        "The scene from above",
        "Channel state information",
        "Acceleration-jerk spectra",
        "Doppler spectrogram",
        "Estimates against the ground truth",
        "thermal noise: SNR",
        "isacsim demo --scenario vehicle --seed 4 --method",
        "motion_model: exact",
        f"isacsim {isacsim.__version__}",
        "Model error",
    ):
        assert words in text


@pytest.mark.parametrize("name", ["empty_room", "intel5300"])
def test_page_of_other_kinds_of_scenario(name: str) -> None:
    steps: list[str] = []
    scenario = isacsim.load_scenario(name)
    html = demo_page(scenario, seed=1, method="peaks", given=f"my {name}.yaml", step=steps.append)
    page = read(html)
    assert len(steps) == STEPS
    text = " ".join(page.text)
    assert f"--scenario 'my {name}.yaml'" in text
    assert ("0 of 0 targets" in text) == (name == "empty_room")
    assert ("product with receiver" in text) == (name != "empty_room")


def test_text_is_escaped() -> None:
    html = html_page(
        title="<b>t</b>",
        description="<b>&</b>",
        facts={"<b>": "<b>"},
        pictures={"p": ""},
        captions={"p": ("<b>", "<b>")},
        summary="<b>",
        table=([("<b>", ["<b>"])], [["<b>"]]),
        impairments=["<b>"],
        yaml="<b>",
        command="<b>",
        versions=["<b>"],
        fingerprint="<b>",
    )
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in html
    assert "<b>" not in html
    read(html)


def test_matching_pairs_the_nearest_within_one_cell_and_leaves_the_rest() -> None:
    import xarray as xr

    grid = WindowResolution(1024, 1e-3, 5.8e9)
    cell_a, cell_r = grid.resolution()
    truth = xr.Dataset(
        {"acceleration": ("path", [0.0, 0.5 * cell_a, 5.0]), "jerk": ("path", [0.0, 0.0, 0.0])}
    )
    found = xr.Dataset(
        {
            "acceleration": ("path", [0.45 * cell_a, -0.1 * cell_a, 5.0, -4.0]),
            "jerk": ("path", [0.0, 0.0, 1.1 * cell_r, 0.0]),
        }
    )
    matches = [(m.truth, m.estimate) for m in match_paths(truth, found, grid)]
    assert matches == [(0, 1), (1, 0), (2, None), (None, 2), (None, 3)]
    nothing = found.isel(path=[])
    assert [(m.truth, m.estimate) for m in match_paths(nothing, nothing, grid)] == []
    assert [(m.truth, m.estimate) for m in match_paths(truth, nothing, grid)] == [(i, None) for i in range(3)]


def test_relative_path_lengths_have_no_error_on_the_page() -> None:
    scenario = isacsim.load_scenario("intel5300")
    capture = isacsim.simulate(scenario, seed=0)
    csi = capture_windows(capture).used[0].csi.isel(receiver=0)
    truth = truth_at(capture, str(csi.receiver.values), 0.0)
    assert truth is not None
    relative = isacsim.estimate_paths(csi, max_paths=1)
    absolute = isacsim.estimate_paths(csi.drop_attrs(), max_paths=1)
    matches = match_paths(truth, relative, WindowResolution(1024, 1e-3, 5.32e9))
    names = [str(i) for i in range(truth.sizes["path"])]
    groups, rows = table(truth, relative, matches, names)
    assert groups[1:3] == [("path length [m]", ["true"]), ("path length − reference [m]", ["estimate"])]
    columns = sum(len(below) for _, below in groups)
    assert {len(row) for row in rows} == {columns}
    groups, rows = table(truth, absolute, matches, names)
    assert groups[1] == ("path length [m]", ["true", "estimate", "error"])
    assert {len(row) for row in rows} == {columns + 1}


def test_the_page_says_where_the_cubic_does_not_hold() -> None:
    uav = isacsim.load_scenario("uav")
    for model, words in (("exact", True), ("polynomial", False)):
        scenario = uav.model_copy(update={"motion_model": model})
        capture = isacsim.simulate(scenario, seed=0)
        name = scenario.radio.receivers[0].name
        said = cubic_remark(capture, name, [scenario.radio.time_s], "--window-s")
        assert (said is not None) == words
        if said is not None:
            assert said.startswith("the cubic does not hold over this window")
            assert "(--window-s)" in said
        # The departure of a quartic falls with the fourth power of the window.
        short = scenario.radio.time_s[384:640]
        assert cubic_remark(capture, name, [short], "--window-s") is None
    capture.attrs.pop("scenario")
    assert cubic_remark(capture, name, [scenario.radio.time_s], "--window-s") is None


def test_departure_from_the_best_cubic_is_an_eighth_of_a_quartic_s() -> None:
    """c T4(x)/8 is what the minimax cubic leaves of c x^4; the least-squares one leaves c 8/35 at the ends."""
    capture = isacsim.simulate(isacsim.load_scenario("uav"), seed=0)
    drawn = realisation_of(capture)
    time = drawn.scenario.radio.time_s
    x = time / time[-1]
    quartic = np.broadcast_to(10 + x + x**2 + x**3 + 0.35 * x**4, (1, drawn.target.size, time.size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(drawn), "path_lengths", lambda self, time, exact=None: quartic)
        name = drawn.scenario.radio.receivers[0].name
        off = departure_from_cubic(capture, name, [time]) * drawn.scenario.radio.wavelength_m
    assert off == pytest.approx(0.35 * 8 / 35, rel=0.02)


def test_impairments_are_told_as_drawn() -> None:
    scenario = isacsim.load_scenario("lab_siso")
    capture = isacsim.simulate(scenario, seed=2)
    lines = "\n".join(impairment_lines(capture, scenario))
    assert f"{capture.attrs['cfo_hz']:.1f} Hz" in lines
    assert f"{1024 - capture.sizes['packet']} of 1024 packets" in lines
    jitter = float(re.search(r"([\d.]+) ns of jitter", lines).group(1))  # type: ignore[union-attr]
    assert 13 < jitter < 17
