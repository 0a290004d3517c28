"""``isacsim capture``: tables, page, picture and numbers; what is no capture is refused in one sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from isacsim import load_scenario
from isacsim.capture.netcdf import save_capture
from isacsim.cli import app
from tests.capture.capture_files import integers, intel_file
from tests.commands.test_cli import capture_as_read, refused, run
from tests.survey.captures import capture


@pytest.fixture(scope="module")
def intel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("intel") / "walk.dat"
    path.write_bytes(intel_file(integers(np.random.default_rng(0), 60, 64, 30, 2, 1)))
    return path


def test_a_receivers_file_gives_tables_page_and_numbers(intel: Path, tmp_path: Path) -> None:
    result = run("capture", intel, "--carrier", "5.32e9", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for words in (
        "5.32 GHz, 20 MHz",
        "64 over 0.063 s",
        "rx0-tx0",
        "rssi [dBm]",
        "as given; the file does not say",
    ):
        assert words in result.output
    page = (tmp_path / "out" / "walk.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "walk.dat" in page
    numbers = json.loads((tmp_path / "out" / "walk.json").read_text())
    assert numbers["timing"]["packets"] == 64


def test_a_saved_capture_and_one_file_by_its_ending(tmp_path: Path) -> None:
    save_capture(capture(0, packets=200).assign_attrs(warnings="<script>x</script>"), tmp_path / "c.nc")
    for name, first in (("p.png", b"\x89PNG"), ("p.html", b"<!DO"), ("p.json", b"{\n")):
        result = run("capture", tmp_path / "c.nc", "-o", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert (tmp_path / name).read_bytes().startswith(first)
    assert "<script>" not in (tmp_path / "p.html").read_text()


def test_what_is_no_capture_is_refused(intel: Path, tmp_path: Path) -> None:
    assert "pass --carrier in Hz" in refused("capture", intel)
    assert "no such file" in refused("capture", tmp_path / "none.dat")
    assert "scenario" in refused("capture", tmp_path / "x.yaml")
    assert "directory" in refused("capture", tmp_path)
    assert "must be a folder or end in" in refused("capture", intel, "-o", tmp_path / "a.txt")
    assert f"isacsim capture {intel}" in CliRunner().invoke(app, ["inspect", str(intel)]).stderr


def test_a_scenario_like_a_capture(tmp_path: Path) -> None:
    save_capture(capture(0, packets=600, receivers=1, subcarriers=16), tmp_path / "c.nc")
    written = run(
        "scenarios", "from-capture", tmp_path / "c.nc", "--body", "none", "-o", tmp_path / "like.yaml"
    )
    assert written.exit_code == 0, written.output
    assert "delay spread" in written.output
    printed = run("scenarios", "from-capture", tmp_path / "c.nc", "--body", "none")
    assert printed.stdout == (tmp_path / "like.yaml").read_text()
    assert load_scenario(tmp_path / "like.yaml").radio.n_subcarriers == 16
    assert "must end in .yaml" in refused(
        "scenarios", "from-capture", tmp_path / "c.nc", "-o", tmp_path / "a.txt"
    )
    assert "body must be one of" in refused("scenarios", "from-capture", tmp_path / "c.nc", "--body", "cat")
    assert "this is a scenario" in refused("scenarios", "from-capture", tmp_path / "x.yaml")


def test_rates_are_named_alike_by_capture_and_spectrum(tmp_path: Path) -> None:
    path = capture_as_read(tmp_path, 500, 1100)
    with xr.open_dataset(path, engine="h5netcdf") as opened:
        whole = opened.load()
    lossy = tmp_path / "lossy.nc"
    save_capture(whole.isel(packet=np.arange(1100) % 5 > 0), lossy)
    said = run("capture", lossy).output
    rate = re.search(r"([0-9.]+) packets/s on average, .* ([0-9.]+) by the median interval", said)
    assert rate is not None and float(rate[2]) == pytest.approx(1.25 * float(rate[1]), rel=0.01)
    told = json.loads(run("capture", lossy, "--json").stdout)["timing"]
    assert f"{told['window_rate']:.4g}" == rate[2] and told["window_rate_of"] == "median interval"
    drawn = run("spectrum", lossy, "-o", tmp_path / "a.png", "--max-windows", 1)
    assert f"{rate[2]} packets/s by the median interval" in drawn.output
    assert "--combine resolved" not in drawn.stderr


def test_a_spectrum_of_one_of_several_pairs_names_the_others(tmp_path: Path) -> None:
    asked = ("spectrum", "points_4x1", "-o", tmp_path / "a.png", "--set", "spectrum.combine=coherent")
    hint = "one of 4 antenna pairs; --combine resolved takes all"
    assert hint in " ".join(run(*asked).stderr.split())
    assert hint not in " ".join(run(*asked, "--combine", "coherent").stderr.split())
