"""Captures on disk: the round trip, whole files only, and one clear error for anything else."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

import isacsim
from isacsim import CaptureError, InputError
from isacsim.capture.netcdf import load_capture, save_capture
from isacsim.files import written_whole


@pytest.fixture(scope="module")
def capture() -> xr.Dataset:
    return isacsim.simulate(isacsim.load_scenario("intel5300"), seed=3)


def test_round_trip_is_exact_with_attributes(capture: xr.Dataset, tmp_path: Path) -> None:
    capture = capture.assign_coords(valid=("subcarrier", np.arange(30) % 2 == 0))
    capture.attrs["warnings"] = ""
    path = tmp_path / "new" / "capture.nc"
    save_capture(capture, path)
    loaded = load_capture(path)
    xr.testing.assert_identical(loaded, capture)
    assert loaded.csi.dtype == np.complex64
    assert loaded.valid.dtype == bool
    assert {k: type(v) for k, v in loaded.attrs.items()} == {k: type(v) for k, v in capture.attrs.items()}
    assert type(loaded.csi.attrs["phase_sign"]) is int
    assert list(path.parent.iterdir()) == [path]


def test_simulated_capture_can_be_drawn_again_from_its_file(capture: xr.Dataset, tmp_path: Path) -> None:
    from isacsim.simulation.truth import realisation_of

    save_capture(capture, tmp_path / "c.nc")
    drawn = realisation_of(load_capture(tmp_path / "c.nc"))
    np.testing.assert_array_equal(drawn.kinematics[2], capture.acceleration.values)


def test_existing_file_stays_unless_told(capture: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "c.nc"
    path.write_text("precious")
    with pytest.raises(InputError, match="exists"):
        save_capture(capture, path)
    assert path.read_text() == "precious"
    save_capture(capture, path, overwrite=True)
    assert load_capture(path).attrs["seed"] == 3


def test_a_file_on_which_hdf5_loops_is_refused(
    capture: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isacsim.capture import netcdf

    path = tmp_path / "loop.nc"
    capture.to_netcdf(path, engine="h5netcdf")
    assert load_capture(path).attrs["seed"] == 3  # by another program: gone through first
    loop = tmp_path / "loop.py"
    loop.write_text("import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass\n")
    monkeypatch.setattr(netcdf, "_CHILD", loop)
    monkeypatch.setattr(netcdf, "_SOUND", set())
    with pytest.raises(CaptureError, match=r"loop\.nc: HDF5 did not finish on this file, so it is damaged"):
        load_capture(path)


@pytest.mark.parametrize("name", ["csi", "time", "frequency"])
def test_a_flipped_bit_is_noticed(name: str, capture: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "flipped.nc"
    save_capture(capture, path)
    data = bytearray(path.read_bytes())
    values = (
        capture[name].values.reshape(-1)[1:9] if capture[name].ndim == 1 else capture[name].values[0, 0, :8]
    )
    where = data.find(np.ascontiguousarray(values).tobytes())
    assert where > 0
    data[where + 3] ^= 64
    path.write_bytes(bytes(data))
    with pytest.raises(CaptureError, match=r"flipped\.nc"):
        load_capture(path)


def test_only_names_of_netcdf_are_written(capture: xr.Dataset, tmp_path: Path) -> None:
    for name in ("c.txt", "c", "c.nc.gz"):
        with pytest.raises(
            InputError, match=rf"{name}: the name of a netCDF file must end in .nc, .netcdf, .h5"
        ):
            save_capture(capture, tmp_path / name)
    for name in ("c.NC", "c.netcdf", "c.h5"):
        save_capture(capture, tmp_path / name)
        assert load_capture(tmp_path / name).attrs["seed"] == 3
    assert len(list(tmp_path.iterdir())) == 3


def test_errors_speak_of_the_file_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nc"

    def write(say: str | None) -> None:
        with written_whole(path) as temporary:
            if say is None:
                raise PermissionError(13, "Permission denied", str(temporary))
            raise OSError(say.format(temporary))

    with pytest.raises(PermissionError, match="Permission denied") as caught:
        write(None)
    assert caught.value.filename == str(path)
    with pytest.raises(OSError, match="unable to open") as caught:
        write("unable to open name = '{}'")
    assert str(caught.value) == f"unable to open name = '{path}'"

    def no_space(*_: object, **how: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / ".a-xyz.nc"))

    monkeypatch.setattr("pathlib.Path.touch", no_space)
    with pytest.raises(OSError, match="No space left") as caught:
        write(None)
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing_behind_and_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with written_whole(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with (
        pytest.raises(InputError, match="exists"),
        written_whole(tmp_path / "b", overwrite=False),
    ):
        (tmp_path / "b").write_text("came meanwhile")
    assert (tmp_path / "b").read_text() == "came meanwhile"


def test_outputs_that_can_not_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, message in [(tmp_path, "directory"), (tmp_path / "file" / "x.nc", "not a directory")]:
        with pytest.raises(InputError, match=message), written_whole(path):
            pass


def test_foreign_and_damaged_files_are_one_clear_error(capture: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"no.nc: cannot be read \(No such file"):
        load_capture(tmp_path / "no.nc")
    text = tmp_path / "text.nc"
    text.write_text("not netCDF")
    with pytest.raises(CaptureError, match="not a netCDF-4 file, or a damaged"):
        load_capture(text)
    save_capture(xr.Dataset({"x": 1}), tmp_path / "other.nc")
    with pytest.raises(CaptureError, match="holds no csi"):
        load_capture(tmp_path / "other.nc")
    save_capture(capture.drop_vars("time"), tmp_path / "timeless.nc")
    with pytest.raises(CaptureError, match="no coordinate time"):
        load_capture(tmp_path / "timeless.nc")
    whole = tmp_path / "whole.nc"
    save_capture(capture, whole)
    for share in (0.01, 0.5, 0.99):
        cut = tmp_path / "cut.nc"
        cut.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
        with pytest.raises(CaptureError, match=r"cut\.nc"):
            load_capture(cut)
    with h5py.File(tmp_path / "plain.nc", "w") as file:
        file["csi"] = np.zeros((2, 3, 4), np.complex64)
    with pytest.raises(CaptureError, match=r"plain\.nc"):
        load_capture(tmp_path / "plain.nc")


def test_antennas_of_captures_saved_before_they_were_named(capture: xr.Dataset, tmp_path: Path) -> None:
    n = capture.sizes["receiver"]
    bare = capture.drop_vars(["device", "rx_element", "tx_element"])
    save_capture(bare, tmp_path / "bare.nc")
    read = load_capture(tmp_path / "bare.nc")
    assert read.device.values.tolist() == list(range(n)) and not read.rx_element.values.any()
    # A version before 0.2 called them rx and tx, of one device.
    old = bare.assign_coords(rx=("receiver", np.arange(n) + 1), tx=("receiver", np.zeros(n, int)))
    save_capture(old, tmp_path / "old.nc")
    read = load_capture(tmp_path / "old.nc")
    assert "rx" not in read.coords and not read.device.values.any()
    assert read.rx_element.values.tolist() == [i + 1 for i in range(n)]
