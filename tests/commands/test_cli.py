"""The commands as users meet them: results, files, and one clear sentence with exit code 2 for anything wrong."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.main import get_command
from typer.testing import CliRunner, Result

from isacsim import __version__, load_scenario
from isacsim.capture.netcdf import load_capture, save_capture
from isacsim.cli import app
from isacsim.estimation.matching import match_paths
from isacsim.scenario.catalogue import list_scenarios, scenario_text
from isacsim.simulation.truth import truth_at
from tests.capture.capture_files import real_capture
from tests.extras import need
from tests.processes import ISACSIM

PNG = b"\x89PNG"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def refused(*arguments: object) -> str:
    """Standard error of a call that must be refused: one line, exit code 2, no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("captures") / "one.nc"
    result = run("simulate", "intel5300", "-o", path, "--seed", 3, "--targets", 2)
    assert result.exit_code == 0, result.output
    return path


def capture_as_read(tmp_path: Path, rate: float, packets: int, *, warnings: str = "") -> Path:
    """A saved capture without truth."""
    rng = np.random.default_rng(0)
    csi = 5 + rng.standard_normal((1, 4, packets, 2)) @ [1, 1j]
    path = tmp_path / f"real{rate:g}.nc"
    dataset = xr.Dataset(
        {"csi": (("receiver", "subcarrier", "packet"), csi.astype(np.complex64))},
        coords={
            "frequency": ("subcarrier", 5.3e9 + 1e6 * np.arange(4)),
            "time": ("packet", np.arange(packets) / rate),
            "role": ("receiver", ["unknown"]),
        },
        attrs={"warnings": warnings, "phase_sign": -1},
    )
    save_capture(dataset, path)
    return path


def test_scenarios_lists_shows_and_gives_the_schema(tmp_path: Path) -> None:
    listed = run("scenarios").output
    for name, description in list_scenarios().items():
        assert f"{name} " in listed
        assert description in listed
    shown = run("scenarios", "show", "lab").output
    assert shown.startswith("# First of three rooms")
    (tmp_path / "mine.yaml").write_text(shown)
    assert load_scenario(tmp_path / "mine.yaml") == load_scenario("lab")
    schema = json.loads(run("scenarios", "schema").output)
    assert "radio" in schema["properties"]
    assert run("scenarios", "schema", "-o", tmp_path / "s" / "schema.json").exit_code == 0
    assert json.loads((tmp_path / "s" / "schema.json").read_text()) == schema
    assert "did you mean default?" in refused("scenarios", "show", "defualt")


def test_every_command_has_help_with_an_example() -> None:
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert {"simulate", "estimate", "import", "validate"} <= set(names)
    for command in ([], ["scenarios"], *([name] for name in names)):
        result = run(*command, "--help")
        assert result.exit_code == 0
        assert "Example: isacsim" in result.output.replace("\n", " ")
    assert run("--version").output == f"isacsim {__version__}\n"


def test_every_module_of_a_command_is_registered() -> None:
    """Its docstring names it: the command's page, and parts that several share, begin otherwise."""
    folder = Path(__file__).parents[2] / "isacsim" / "commands"
    said = {
        re.match(r'"""``isacsim (\w+)``', file.read_text(encoding="utf-8")) for file in folder.glob("*.py")
    }
    assert {found[1] for found in said if found} == set(get_command(app).commands)


def test_the_examples_of_the_help_name_options_that_there_are() -> None:
    for name, command in get_command(app).commands.items():
        if name == "scenarios":  # a group: its commands have no examples
            continue
        start, called, *arguments = shlex.split(re.sub(r".*\[bold\](.*)\[/bold\]", r"\1", command.epilog))
        assert (start, called) == ("isacsim", name)
        command.make_context(name, arguments)  # every option is there, and none is missing


def test_simulate_saves_the_capture_and_prints_its_truth(saved: Path, tmp_path: Path) -> None:
    capture = load_capture(saved)
    assert capture.attrs["seed"] == 3
    assert capture.attrs["n_targets"] == 2
    result = run("simulate", "intel5300", "-o", tmp_path / "again.nc", "--seed", 3, "--targets", 2)
    for word in (
        "acceleration [m/s²]",
        "model error",
        "SNR",
        "quantisation: 8 bits",
        "packet loss",
        "again.nc",
    ):
        assert word in result.output
    assert f"{float(capture.jerk[0, 0]):.3f}".replace("-", "−") in result.output
    xr.testing.assert_identical(load_capture(tmp_path / "again.nc"), capture)


def test_simulate_never_overwrites_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "c.nc"
    path.write_text("precious")
    assert "exists" in refused("simulate", "single_target", "-o", path)
    assert path.read_text() == "precious"
    assert run("simulate", "single_target", "-o", path, "--overwrite").exit_code == 0
    assert load_capture(path).sizes["path"] == 1


def test_spectrum_of_a_scenario_marks_a_peak_where_the_truth_is(tmp_path: Path) -> None:
    result = run("spectrum", "single_target", "-o", tmp_path / "s.png", "--data", tmp_path / "s.nc")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "s.png").read_bytes().startswith(PNG)
    spectra = xr.load_dataset(tmp_path / "s.nc", engine="h5netcdf")
    peak = spectra.aj_spectrum[0].argmax(["acceleration", "jerk"])
    at = spectra.aj_spectrum[0].isel(peak)
    assert float(at.acceleration) == pytest.approx(3, abs=0.15)
    assert float(at.jerk) == pytest.approx(20, abs=0.7)
    assert spectra.attrs["seed"] == 0
    assert "1000 packets/s" in result.output
    assert "lag 91 packets" in result.output
    assert "exists" in refused(
        "spectrum", "single_target", "-o", tmp_path / "s.png", "--data", tmp_path / "s.nc"
    )


def test_spectrum_options_reach_the_spectrum(saved: Path, tmp_path: Path) -> None:
    options = [
        "--bins",
        16,
        "--acceleration-max",
        4,
        "--jerk-max",
        20,
        "--combine",
        "delay",
        "--lags",
        "symmetric",
    ]
    windows = ["--window-s", 0.5, "--hop-s", 0.25, "--max-windows", 2, "--reference", "ratio", "--pair", 1, 2]
    result = run("spectrum", saved, "-o", tmp_path / "s.png", "--data", tmp_path / "s.nc", *options, *windows)
    assert result.exit_code == 0, result.output
    spectrum = xr.load_dataset(tmp_path / "s.nc", engine="h5netcdf").aj_spectrum
    assert spectrum.dims == ("window", "delay", "acceleration", "jerk")
    assert spectrum.shape == (2, 8, 16, 16)
    assert spectrum.acceleration[-1] == 4
    assert spectrum.attrs["lags"] == "symmetric"
    assert "ratio with receiver c" in result.output
    assert "further windows not drawn" in result.output


def test_real_captures_get_narrower_axes_or_are_refused_in_numbers(tmp_path: Path) -> None:
    path = capture_as_read(tmp_path, 100, 330, warnings="dropped 2 packets\nunwrapped the clock")
    result = run("spectrum", path, "-o", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    assert "100 packets/s" in result.stdout
    assert "axes ±5" in result.stdout
    assert "note: dropped 2 packets" in result.stderr
    assert "note: unwrapped the clock" in result.stderr
    slow = capture_as_read(tmp_path, 10, 300)
    assert "10 packets" in refused("spectrum", slow, "-o", tmp_path / "b.png")
    assert "10 packets/s allow ±" in refused("spectrum", slow, "--window-s", 10, "-o", tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_captures_of_real_hardware(tmp_path: Path) -> None:
    walk = real_capture("intel5300_walk_2x2.dat")
    assert "pass --carrier" in refused("spectrum", walk)
    result = run("spectrum", walk, "--carrier", 5.32e9, "--max-windows", 2, "-o", tmp_path / "w.png")
    assert result.exit_code == 0, result.output
    assert "product with receiver rx" in result.output
    assert "phase sign assumed" in result.stderr
    assert "contradicts" in refused(
        "spectrum", real_capture("nexmon_43455c0_80mhz_walk.pcap"), "--carrier", 2.4e9
    )
    replicated = run("estimate", real_capture("nexmon_4339_80mhz_replicated.pcap"), "--max-windows", 1)
    assert replicated.exit_code == 0, replicated.output
    assert "replicated" in replicated.stderr


def test_estimates_are_matched_by_the_scenarios_lag_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the demo's page matches them."""
    ratios = []

    def match(truth, estimates, grid, match=match_paths):
        ratios.append(grid.lag_ratio)
        return match(truth, estimates, grid)

    monkeypatch.setattr("isacsim.estimation.matching.match_paths", match)
    scenario = tmp_path / "short_lag.yaml"
    text = scenario_text("single_target").replace("name: single_target", "name: short_lag")
    scenario.write_text(text + "\nspectrum: {lag_ratio: 0.05}\n")
    assert run("estimate", scenario, "--method", "peaks").exit_code == 0
    assert ratios == [0.05]


def test_estimate_sets_paths_against_the_truth(tmp_path: Path) -> None:
    result = run("estimate", "single_target")
    assert result.exit_code == 0, result.output
    assert "1 of 1 targets found" in result.output
    assert "method: auto" in result.output
    assert "true path" in result.output
    assert "1 of 1 windows are exact cubics" in result.stderr
    real = run("estimate", capture_as_read(tmp_path, 1000, 1100))
    assert real.exit_code == 0, real.output
    assert "targets" not in real.output
    assert "most that were looked for" not in result.stderr
    full = run("estimate", "single_target", "--max-paths", 1)
    assert "1 of 1 windows have no sure estimate: the limit of 1 components was reached" in full.stderr
    cubics = run("estimate", "single_target", "--max-paths", 1, "--method", "relax")
    assert "1 of 1 windows hold 1 paths, the most that were looked for" in cubics.stderr
    assert "method must be one of" in refused("estimate", "single_target", "--method", "guess")


def test_path_lengths_relative_to_a_reference_are_not_set_against_the_truth(saved: Path) -> None:
    result = run("estimate", saved, "--max-paths", 2)
    assert result.exit_code == 0, result.output
    assert "reference" in result.output  # the heading is folded
    assert "true path" not in result.output
    absolute = run("estimate", saved, "--max-paths", 2, "--reference", "none")
    assert "true path" in absolute.output
    assert "reference" not in absolute.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["spectrum", "nosuch"], "no scenario named 'nosuch'"),
        (["spectrum", "nosuch.dat"], "nosuch.dat: no such file"),
        (["spectrum", "nosuch.yaml"], "nosuch.yaml: No such file"),
        (["simulate", "lab", "--seed", "-1"], "seed"),
        (["simulate", "lab", "--targets", "101"], "n_targets must be an integer from 0 to 100"),
        (["simulate", "single_target", "--targets", "2"], "1 fixed targets"),
        (["simulate", "lab", "-o", "/proc/none/a.nc"], "/proc/none"),
        (
            ["simulate", "lab", "-o", "a.txt"],
            "a.txt: the name of a netCDF file must end in .nc, .netcdf, .h5",
        ),
        (["spectrum", "lab", "--data", "a.zarr"], "a.zarr: the name of a netCDF file must end in"),
        (["spectrum", "lab", "--carrier", "5e9"], "--carrier is for receivers' files"),
        (["spectrum", "lab", "-o", "a.jpg2"], "must end in .png"),
        (["spectrum", "intel5300", "--combine", "x"], "combine must be one of single, noncoherent"),
        (["spectrum", "intel5300", "--reference", "x"], "reference must be one of auto"),
        (["spectrum", "intel5300", "--gain", "x"], "gain must be one of auto"),
        (["spectrum", "vehicle", "--receiver", "3"], "--receiver must be one of 0 = mast; got 3"),
        (["spectrum", "intel5300", "--bins", "1"], "--bins must be an integer from 2 to 4096"),
        (["spectrum", "intel5300", "--jerk-max", "-4"], "--jerk-max must be a number above 0"),
        (["spectrum", "intel5300", "--acceleration-max", "500"], "unambiguous"),
        (["demo", "-o", "page.txt"], "must end in .html"),
        (["demo", "--scenario", "intel5300", "--method", "guess"], "method must be one of"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_scenario_names_file_line_and_field(tmp_path: Path) -> None:
    text = run("scenarios", "show", "default").output.replace("packets: 1024 ", "packets: many ")
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "packets: many" in row)
    assert f"wrong.yaml, line {line}: radio.packets" in refused("simulate", path)
    path.write_text(text.replace("carrier_hz: 5.805e9", "carrier_hz: -1"))
    both = run("simulate", path).stderr.splitlines()
    assert ["radio.carrier_hz" in both[0], "radio.packets" in both[1], len(both)] == [True, True, 2]


def test_files_that_are_no_captures_are_told_apart(tmp_path: Path, saved: Path) -> None:
    (tmp_path / "x.dat").write_bytes(b"nothing of the kind")
    assert "no known capture format" in refused("spectrum", tmp_path / "x.dat")
    assert "--seed is for scenarios" in refused("spectrum", saved, "--seed", 1)
    assert "--format is for receivers' files" in refused("spectrum", saved, "--format", "nexmon")
    assert "directory" in refused("spectrum", tmp_path)
    cut = tmp_path / "cut.nc"
    cut.write_bytes(saved.read_bytes()[:5000])
    assert "damaged" in refused("estimate", cut)


def test_debug_shows_the_traceback() -> None:
    result = run("--debug", "spectrum", "nosuch")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "InputError"


def isacsim(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [*ISACSIM, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_process_itself_ends_with_2_and_one_sentence(tmp_path: Path) -> None:
    process = isacsim("simulate", "nosuch.yaml", cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert err == "isacsim: nosuch.yaml: No such file or directory\n"


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    process = isacsim("validate", "bound", "--method", "peaks", "--trials", 100_000, "-o", "x", cwd=tmp_path)
    begun = tmp_path / "x" / "bound.partial.jsonl"
    deadline = time.monotonic() + 60
    while not begun.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.strip() == "isacsim: interrupted."


def test_environment_draws_any_scenario_that_has_one(tmp_path: Path) -> None:
    result = run("environment", "lab_siso", "-o", tmp_path / "lab.png", "--receiver", "reference")
    assert result.exit_code == 0 and (tmp_path / "lab.png").read_bytes().startswith(b"\x89PNG")
    assert "no static part" in refused("environment", "single_target", "-o", tmp_path / "x.png")
    assert "lab_siso has surveillance, reference" in refused("environment", "lab_siso", "--receiver", "b")
    assert "must end in .png, .pdf, .svg" in refused("environment", "lab", "-o", tmp_path / "x.gif")
    assert list(tmp_path.iterdir()) == [tmp_path / "lab.png"]


def test_environment_shows_the_paths_of_a_room(tmp_path: Path) -> None:
    need("sionna_rt")
    result = run("environment", "lab_rt", "-o", tmp_path / "lab.svg")
    assert result.exit_code == 0, result.output
    assert "Traced paths" in result.output and "reference" in result.output
    assert (tmp_path / "lab.svg").read_text().startswith("<?xml")


def test_help_and_import_stay_light() -> None:
    heavy = "{'numpy', 'xarray', 'numba', 'scipy', 'matplotlib', 'pydantic', 'torch'}"
    code = f"import sys, isacsim.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_nothing_but_the_commands_imports_them() -> None:
    package = Path(__file__).parents[2] / "isacsim"
    files = [*package.rglob("*.py"), *(package.parent / "dira").rglob("*.py")]
    importing = {f.relative_to(package.parent) for f in files if "isacsim.commands" in f.read_text()}
    # dira's commands that read captures take the same options.
    assert {f.parts[:2] for f in importing - {Path("dira/experiment/few_labels.py")}} == {
        ("isacsim", "commands"),
        ("isacsim", "cli.py"),
        ("dira", "commands"),
        ("dira", "cli.py"),
    }


@pytest.mark.parametrize(("name", "told"), [("single_target", True), ("walker", False)])
def test_a_capture_of_a_version_that_drew_other_numbers_is_used_as_far_as_it_goes(
    name, told, tmp_path
) -> None:
    """Its truth is recorded at the centre and follows the cubic; exact motion would have to be drawn again."""
    run("simulate", name, "-o", tmp_path / "new.nc", "--seed", 1)
    antennas = ["device", "rx_element", "tx_element"]
    new = load_capture(tmp_path / "new.nc")
    save_capture(new.drop_vars(antennas).assign_attrs(isacsim="0.1.0"), tmp_path / "old.nc")
    estimated = run("estimate", tmp_path / "old.nc", "--max-paths", 2, "--method", "relax")
    assert estimated.exit_code == 0, estimated.output
    assert "isacsim 0.1.0, whose random numbers" in " ".join(estimated.stderr.split())
    drawn = run("spectrum", tmp_path / "old.nc", "--window-s", 0.5, "-o", tmp_path / "a.png")
    assert drawn.exit_code == 0, drawn.output
    assert ("no truth off its centre" in " ".join(drawn.stderr.split())) != told
    receiver = str(new.receiver.values[0])
    truth = truth_at(load_capture(tmp_path / "old.nc"), receiver, 0.1)
    if told:
        assert truth is not None
        np.testing.assert_array_equal(truth.velocity, truth_at(new, receiver, 0.1).velocity)
    else:
        assert truth is None
