"""docs/interchange.md: its commands and its Python run, on a small data set and capture."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from isacsim import simulate
from isacsim.capture.netcdf import save_capture
from isacsim.cli import app
from tests.dataset import stores

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "interchange.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^isacsim export .*$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def folder(make_scenario, tmp_path_factory):
    """lab.zarr and lab.nc, and what the page's commands make of them."""
    folder = tmp_path_factory.mktemp("page")
    stores.simulated(make_scenario, folder / "lab.zarr")
    radio = {"subcarriers": 256, "carrier_hz": 5.805e9, "packets": 40}
    save_capture(simulate(make_scenario(radio=radio), seed=0), folder / "lab.nc")
    return folder


def block(mark):
    (found,) = [b for b in BLOCKS if mark in b]
    return found


def ran(mark, folder, monkeypatch, **replaced):
    monkeypatch.chdir(folder)
    code = block(mark)
    for old, new in replaced.values():
        assert old in code
        code = code.replace(old, new)
    names = {}
    exec(code, names)
    return names


def test_the_page_is_the_one_tested():
    assert len(BLOCKS) == 7 and len(COMMANDS) == 4


def test_xarray(folder, monkeypatch):
    assert ran("open_zarr", folder, monkeypatch)["test"].sizes["sample"] == 2


def test_torch(folder, monkeypatch):
    pytest.importorskip("torch")
    made = ran("to_torch", folder, monkeypatch, workers=("num_workers=2", "num_workers=0"))
    assert made["spectra"].shape == (4, 1, 12, 10) and made["labels"].tolist() == [2] * 4


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed.")
@pytest.mark.filterwarnings("default")
def test_tensorflow(folder, monkeypatch):
    made = ran("to_tf_dataset", folder, monkeypatch)
    (batch,) = made["batches"]
    assert batch[0].shape == (4, 12, 10, 1)


def test_files(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("lab.zarr", "lab.nc"):
        Path(name).symlink_to(folder / name)
    pcap = [c for c in COMMANDS if ".pcap" in c]
    assert pcap == COMMANDS[-1:]
    for command in pcap:
        assert CliRunner().invoke(app, shlex.split(command)[1:]).exit_code == 0
    Path("lab.nc").unlink()
    for command in COMMANDS[:-1]:
        assert CliRunner().invoke(app, shlex.split(command)[1:]).exit_code == 0
    netcdf = ran("open_dataset", tmp_path, monkeypatch)
    npz = ran("numpy.load", tmp_path, monkeypatch)
    np.testing.assert_array_equal(netcdf["spectra"], npz["spectra"])
    assert npz["labels"].tolist() == [2] * 6
    assert ran("read_capture", tmp_path, monkeypatch)["csi"].shape == (2, 256, 40)
    # csiread's C code may crash: not in this process.
    code = block("csiread.Nexmon") + "\nassert csi.shape == (80, 256), csi.shape\n"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)
