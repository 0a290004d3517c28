"""netCDF, .mat and .npz hold what the store holds, and appear whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io
import xarray as xr
from typer.testing import CliRunner

from isacsim import InputError
from isacsim.cli import app
from isacsim.dataset.loading import export
from isacsim.dataset.loading.export import EXPORTERS, export_mat, export_netcdf, export_npz
from tests.dataset import stores


@pytest.fixture(scope="module")
def store(make_scenario, tmp_path_factory):
    return stores.simulated(make_scenario, tmp_path_factory.mktemp("export") / "s.zarr")


@pytest.fixture(scope="module")
def saved(store):
    return xr.open_zarr(store).load()


def run(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def texts(values):
    return np.asarray(values).tolist()


def test_netcdf(store, saved, tmp_path):
    export_netcdf(store, tmp_path / "s.nc")
    with xr.open_dataset(tmp_path / "s.nc", engine="h5netcdf") as back:
        assert set(back.variables) == set(saved.variables)
        for name, v in saved.variables.items():
            assert back[name].dims == v.dims
            attrs = dict(back[name].attrs)
            if "flag_values" in attrs:
                assert attrs["flag_values"].dtype == v.dtype
                attrs["flag_values"] = attrs["flag_values"].tolist()
            assert attrs == v.attrs
            if v.dtype.kind == "T":
                assert texts(back[name]) == texts(v)
            else:
                np.testing.assert_array_equal(back[name], v)
                assert back[name].dtype == v.dtype
        assert back["csi"].dtype == np.complex64 and np.abs(back["csi"]).min() > 0
        assert back.attrs["isacsim"] == saved.attrs["isacsim"]


def test_mat(store, saved, tmp_path):
    export_mat(store, tmp_path / "s.mat")
    back = scipy.io.loadmat(tmp_path / "s.mat")
    described = {"dims", "units", "__header__", "__version__", "__globals__"}
    assert set(back) == {*map(str, saved.variables), *described}
    for name, v in saved.variables.items():
        got = back[name]
        if v.dtype.kind == "T":
            assert [cell[0].item() if cell[0].size else "" for cell in got] == texts(v)
        else:
            assert got.shape == (v.shape if v.ndim > 1 else (v.size, 1))
            assert got.dtype == v.dtype
            np.testing.assert_array_equal(got.reshape(v.shape), v)
        dims = [cell.item().item() for cell in back["dims"][name].item()]
        assert dims == list(v.dims)
        assert len(name) <= 63 and name.isidentifier()
    assert back["units"]["target_jerk"].item().item() == "m/s3"


def test_mat_refuses_what_it_cannot_hold(tmp_path):
    huge = xr.Dataset({"aj_noisy": ("sample", np.broadcast_to(np.float32(0), 2**29))})
    with pytest.raises(InputError, match=r"aj_noisy has 2.0 GiB, .* export netCDF \(.nc\)"):
        export_mat(huge, tmp_path / "s.mat")
    assert not list(tmp_path.iterdir())


def test_npz(store, saved, tmp_path):
    export_npz(store, tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz", allow_pickle=False) as back:
        assert set(back.files) == set(saved.variables)
        for name, v in saved.variables.items():
            if v.dtype.kind == "T":
                assert texts(back[name]) == texts(v)
            else:
                np.testing.assert_array_equal(back[name], v)
                assert back[name].dtype == v.dtype


@pytest.mark.parametrize("opened_with", [None, {}])
def test_npz_goes_block_by_block(store, saved, tmp_path, monkeypatch, opened_with):
    monkeypatch.setattr(export, "_BLOCK_BYTES", 1000)
    export_npz(xr.open_zarr(store, chunks=opened_with), tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz") as back:
        np.testing.assert_array_equal(back["csi"], saved["csi"])


@pytest.mark.parametrize("ending", list(EXPORTERS))
def test_split_and_variables(store, saved, tmp_path, ending):
    told = []
    EXPORTERS[ending](
        store,
        tmp_path / f"s{ending}",
        split="test",
        variables=["aj_noisy", "n_targets"],
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1][0] == told[-1][1] and all(done <= total for done, total in told)
    if ending == ".nc":
        with xr.open_dataset(tmp_path / "s.nc", engine="h5netcdf") as opened:
            back = opened.load()
    else:
        back = (scipy.io.loadmat if ending == ".mat" else np.load)(tmp_path / f"s{ending}")
    np.testing.assert_array_equal(back["aj_noisy"], saved["aj_noisy"][4:])
    assert {"acceleration", "jerk"} <= set(back) | set(getattr(back, "coords", ())) and "csi" not in back


@pytest.mark.parametrize("ending", list(EXPORTERS))
@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt("No space, or Ctrl-C")]
)
def test_nothing_half_written(store, tmp_path, monkeypatch, ending, error):
    def full(*args, **kwargs):
        raise error

    monkeypatch.setattr(xr.Dataset, "to_netcdf", full)
    monkeypatch.setattr(scipy.io, "savemat", full)
    monkeypatch.setattr(export, "_blocks", full)
    (tmp_path / f"s{ending}").write_text("earlier")
    with pytest.raises(type(error), match="No space"):
        EXPORTERS[ending](store, tmp_path / f"s{ending}", overwrite=True)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["earlier"]


def test_command(store, saved, tmp_path):
    result = run(store, "-o", tmp_path / "s.npz", "--split", "train", "--variables", "aj_clean, n_targets")
    assert result.exit_code == 0 and "s.npz (0.0 MB)" in result.output
    with np.load(tmp_path / "s.npz") as back:
        assert set(back.files) == {"aj_clean", "n_targets", "acceleration", "jerk"}
        assert back["n_targets"].shape == (4,)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "s.csv"], "must end in .nc, .mat, .npz (of a data set) or .pcap (of a capture)"),
        (["-o", "s.nc", "--split", "validation"], "there are test, train"),
        (["-o", "s.mat", "--variables", "aj"], "the data set has no 'aj'; it has aj_"),
        (
            ["-o", "s.npz", "--variables", " , "],
            "variables must be a name, or a sequence of one or more names",
        ),
        (["-o", "s.pcap"], ".pcap is made from a capture (.nc)"),
    ],
)
def test_command_refuses(store, tmp_path, arguments, says, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(store, *arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())


def test_command_does_not_overwrite(store, tmp_path):
    (tmp_path / "s.nc").write_text("mine")
    result = run(store, "-o", tmp_path / "s.nc")
    assert result.exit_code == 2 and "--overwrite" in result.output
    assert (tmp_path / "s.nc").read_text() == "mine"
