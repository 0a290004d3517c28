"""One seed, one result, however it is made; and a store that is never mistaken for another."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import zarr
from typer.testing import CliRunner

import isacsim
from isacsim.cli import app
from isacsim.dataset.inspection import damage, regenerate
from isacsim.dataset.parts import parts_from_json
from isacsim.dataset.store.store import open_record
from isacsim.dataset.synthetic.generate import make_chunk
from isacsim.dataset.synthetic.plan import make_plan
from isacsim.dataset.synthetic.resume import open_or_create
from isacsim.errors import InputError

N = 18
SEED = 4
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(isacsim.__file__).parents[1])}

pytestmark = pytest.mark.usefixtures("undrawn")


def make(scenario, path, reached, **options):
    return isacsim.generate(scenario, path, **{"seed": SEED, "progress": False, "client": reached} | options)


def same_bits(one, other):
    assert set(one.variables) == set(other.variables)
    for name in one.variables:
        a, b = one[name].values, other[name].values
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(a, b, strict=True, err_msg=name)


def digests(path):
    return np.asarray(open_record(path).digests[:])


@pytest.fixture(scope="module")
def whole(tiny, here, undrawn, tmp_path_factory):
    """The data set, made in chunks of five by one worker."""
    path = tmp_path_factory.mktemp("whole") / "whole.zarr"
    make(tiny(), path, here, chunk=5)
    return path


def refused(*arguments, code=2):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_schema(whole, tiny):
    got = isacsim.open_dataset(whole)
    assert got.aj_noisy.dims == ("sample", "acceleration", "jerk") and got.aj_noisy.shape == (N, 8, 6)
    assert np.bincount(got.n_targets).tolist() == [0, 6, 9, 3]
    assert (got.target_jerk.notnull().sum("target") == got.n_targets).all()
    assert set(got.split.values) == {"train"} and set(got.domain.values) == {"synthetic"}
    assert got.index.values.tolist() == list(range(N)) and set(got.seed.values) == {SEED}
    assert got.chunksizes["sample"] == (5, 5, 5, 3)
    assert json.loads(got.attrs["fingerprints"]) == {"tiny": tiny().fingerprint()}
    assert isacsim.Scenario.from_yaml(json.loads(got.attrs["scenarios"])["tiny"]) == tiny()
    assert got.attrs["isacsim"] == isacsim.__version__ and got.attrs["numpy"] == np.__version__
    assert not damage(whole)


def test_a_sample_is_what_simulate_and_sample_spectra_make(whole, tiny):
    from isacsim.dataset.synthetic.sample import sample_spectra

    got = isacsim.open_dataset(whole).isel(sample=11).load()
    capture = isacsim.simulate(tiny(), seed=SEED, index=11, n_targets=int(got.n_targets))
    wanted = sample_spectra(capture).isel(receiver=0)
    for name in ("aj_noisy", "aj_noiseless", "aj_clean"):
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(got.target_jerk[: int(got.n_targets)], capture.jerk[0])


def test_any_order_and_other_chunks_give_the_same_bits(whole, tiny, tmp_path):
    plan = make_plan([tiny()], None, SEED, None, None, False, None)
    path = tmp_path / "backwards.zarr"
    record = open_or_create(plan, path, resume=True, chunk=4, overwrite=False)
    order = np.random.default_rng(0).permutation(record.n_chunks)
    assert sum(make_chunk(str(path), int(number)) for number in order) == N
    same_bits(isacsim.open_dataset(path), isacsim.open_dataset(whole))


def test_a_range_is_a_slice_of_the_whole(whole, tiny, here, tmp_path):
    part = make(tiny(), tmp_path / "part.zarr", here, index_range=(6, 13), chunk=3)
    same_bits(part, isacsim.open_dataset(whole).isel(sample=slice(6, 13)))
    with pytest.raises(InputError, match="the range 6:19 must lie within the 18 samples"):
        make(tiny(), tmp_path / "none.zarr", here, index_range=(6, 19))


def test_more_samples_extend_a_store(whole, tiny, here, tmp_path, monkeypatch):
    path = tmp_path / "growing.zarr"
    make(tiny(), path, here, n_samples=7, chunk=5)
    with pytest.raises(
        InputError, match="holds 7 samples, asked for 18; --extend makes the rest, --n 7 leaves"
    ):
        make(tiny(), path, here)
    resize = zarr.Array.resize

    def killed(self, shape):
        if self.basename == "n_targets":
            raise KeyboardInterrupt
        resize(self, shape)

    monkeypatch.setattr(zarr.Array, "resize", killed)
    with pytest.raises(KeyboardInterrupt):
        make(tiny(), path, here, extend=True)
    monkeypatch.undo()
    with pytest.raises(InputError, match="incomplete, 5 of 18"):
        isacsim.open_dataset(path)
    same_bits(make(tiny(), path, here), isacsim.open_dataset(whole))
    assert np.array_equal(digests(path), digests(whole))
    with pytest.raises(InputError, match="holds 18 samples, asked for 7"):
        make(tiny(), path, here, n_samples=7)


def test_a_finished_store_is_left_alone(whole, tiny, here, monkeypatch):
    before = {file: file.stat().st_mtime_ns for file in whole.rglob("*")}
    monkeypatch.setattr("isacsim.dataset.synthetic.generate.map_unordered", None)
    make(tiny(), whole, here)
    assert {file: file.stat().st_mtime_ns for file in whole.rglob("*")} == before


@pytest.mark.parametrize(
    ("changes", "options", "says"),
    [
        ({"snr_db": 3.0}, {}, "made of another scenario tiny: snr_db is 20.0, asked for 3.0"),
        ({"name": "other"}, {}, "made of the scenarios tiny, asked for other"),
        ({"radio": {"subcarriers": 5}}, {}, "scenario tiny: radio.subcarriers is 4, asked for 5"),
        ({}, {"seed": 5}, "made with seed 4, asked for 5"),
        ({}, {"per_class": {1: 2, 2: 16}}, "dataset.per_class is {'1': 6, '2': 9, '3': 3}, asked for"),
        (
            {},
            {"splits": {"train": 0.5, "test": 0.5}},
            "parts tiny train 0:18; asked for tiny train 0:9, tiny test",
        ),
        ({}, {"index_range": (1, 18)}, "parts tiny train 0:18; asked for tiny train 1:18"),
        ({}, {"n_samples": 9}, "holds 18 samples, asked for 9"),
        ({}, {"keep_csi": True}, "made with keep_csi False, asked for True"),
        ({}, {"chunk": 4}, "made with chunk 5, asked for 4"),
        ({}, {"resume": False}, "resume is off"),
    ],
)
def test_another_store_is_refused_with_the_difference(whole, tiny, here, changes, options, says):
    before = digests(whole)
    with pytest.raises(InputError) as error:
        make(tiny(**changes), whole, here, **options)
    assert says in str(error.value)
    assert np.array_equal(digests(whole), before)


def test_another_version_is_refused(whole, tiny, here, monkeypatch):
    for module in ("resume", "generate"):
        monkeypatch.setattr(f"isacsim.dataset.synthetic.{module}.__version__", "9.9")
    with pytest.raises(InputError, match=r"made with isacsim .*, this is isacsim 9\.9"):
        make(tiny(), whole, here)
    with pytest.raises(InputError, match=r"but a worker has 9\.9"):
        make_chunk(str(whole), 0)


def test_only_data_sets_are_overwritten(tiny, here, tmp_path):
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter.tex").write_text("x")
    with pytest.raises(InputError, match="no zarr group"):
        make(tiny(), precious, here, overwrite=True)
    assert (precious / "chapter.tex").read_text() == "x"
    path = tmp_path / "a.zarr"
    make(tiny(), path, here, n_samples=3)
    assert (
        make(tiny(name="new"), path, here, n_samples=2, overwrite=True).scenario.values.tolist()
        == ["new"] * 2
    )
    assert not damage(path)


def test_scenarios_and_splits_of_one_data_set(tiny, here, tmp_path):
    rooms = [tiny(name="lab"), tiny(name="hall", targets=TWO), tiny(name="corridor")]
    path = tmp_path / "cross.zarr"
    where = {"lab": {"train": 0.5, "validation": 0.5}, "hall": "test", "corridor": "test"}
    got = make(rooms, path, here, per_class=None, n_samples=4, splits=where, chunk=3).load()
    rows = list(zip(got.scenario.values, got.split.values, got.index.values, strict=True))
    assert rows[:4] == [
        ("lab", "train", 0),
        ("lab", "train", 1),
        ("lab", "validation", 2),
        ("lab", "validation", 3),
    ]
    assert [row[:2] for row in rows[4:]] == [("hall", "test")] * 4 + [("corridor", "test")] * 4
    assert len(set(got.seed.values)) == 4 == len(parts_from_json(got.attrs["parts"]))
    assert got.sizes["target"] == 3
    assert not damage(path)
    assert all(regenerate(path, 5).values())
    with pytest.raises(InputError, match=r"lab and hall do not go into one data set.*one shape and axes"):
        make([tiny(name="lab"), tiny(name="hall", spectrum={"bins_jerk": 5})], tmp_path / "no.zarr", here)
    other = {"bins_acceleration": 8, "bins_jerk": 6, "combine": "single", "jerk_max_m_s3": 20.0}
    with pytest.raises(InputError, match="they differ in jerk"):
        make([tiny(name="lab"), tiny(name="hall", spectrum=other)], tmp_path / "no.zarr", here)
    assert not (tmp_path / "no.zarr").exists()


TWO = {
    "count": {"min": 1, "max": 3},
    "template": {"motion": {"kind": "kinematics", "path_length_m": 5.0}},
}


def test_csi_is_kept_on_request(tiny, here, tmp_path):
    got = make(
        tiny(impairments={"loss": {"fraction": 0.2}}), tmp_path / "csi.zarr", here, n_samples=2, keep_csi=True
    )
    capture = isacsim.simulate(
        tiny(impairments={"loss": {"fraction": 0.2}}), seed=SEED, index=1, n_targets=int(got.n_targets[1])
    )
    kept = capture.sizes["packet"]
    np.testing.assert_array_equal(got.csi[1, :, :, :kept], capture.csi)
    assert kept < 64 and got.csi[1, :, :, kept:].isnull().all()
    np.testing.assert_array_equal(got.frequency, capture.frequency)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"n_samples": 0}, "n_samples must be an integer of at least 1"),
        ({"seed": -1}, "seed must be an integer"),
        ({"seed": 2**63}, "seed must be an integer"),
        ({"chunk": 0}, "chunk must be an integer of at least 1"),
        ({"workers": 2}, "workers is for processes on this machine"),
        ({"client": None, "workers": -1}, "workers must be an integer of at least 0"),
        ({"per_class": {3: -1}}, "the size of class 3 in per_class must be an integer of at least 0, got -1"),
        ({"client": "tcp://127.0.0.1:9"}, "no dask scheduler answers at tcp://127.0.0.1:9"),
    ],
)
def test_arguments_out_of_range_are_refused(tiny, here, tmp_path, options, says, monkeypatch):
    monkeypatch.setattr("isacsim.dataset.synthetic.workers._ANSWER_S", 0.2)
    with pytest.raises(InputError, match=says):
        make(tiny(), tmp_path / "a.zarr", here, **options)


def test_a_full_disk_ends_in_one_sentence_and_a_store_to_resume(whole, tiny, here, tmp_path, monkeypatch):
    room = [60]

    def put(path, value, exclusive=False, put=zarr.storage._local._put):
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return put(path, value, exclusive)

    path = tmp_path / "full.zarr"
    monkeypatch.setattr("zarr.storage._local._put", put)
    with pytest.raises(
        OSError, match=r"no space left on the disk; \d+ of 18 samples are in .* goes on"
    ) as error:
        make(tiny(), path, here, chunk=5)
    assert error.value.errno == errno.ENOSPC and error.value.filename == str(path)
    monkeypatch.undo()
    with pytest.raises(InputError, match="incomplete"):
        isacsim.open_dataset(path)
    same_bits(make(tiny(), path, here), isacsim.open_dataset(whole))


def test_a_place_that_cannot_be_written_promises_nothing(tiny, here, tmp_path, monkeypatch):
    def put(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("zarr.storage._local._put", put)
    with pytest.raises(OSError, match=r"cannot be written \(Permission denied\)$|denied\): ") as error:
        make(tiny(), tmp_path / "a.zarr", here)
    assert "goes on" not in str(error.value)


def test_workers_without_isacsim_are_told_at_once(tiny, here, tmp_path, monkeypatch):
    monkeypatch.setattr("isacsim.dataset.synthetic.workers._PACKAGE", "isacsim_that_is_not_there")
    with pytest.raises(
        InputError, match=r"worker .* of the dask cluster has no isacsim .* install the same version"
    ):
        make(tiny(), tmp_path / "a.zarr", here)
    monkeypatch.undo()
    monkeypatch.setattr("isacsim.dataset.synthetic.workers.__version__", "9.9")
    with pytest.raises(InputError, match=r"has isacsim 0.*, and here is isacsim 9\.9"):
        make(tiny(), tmp_path / "a.zarr", here)


def test_a_really_full_disk(tiny, here, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        with pytest.raises(OSError, match="no space left on the disk"):
            make(tiny(), disk / "full.zarr", here, chunk=1, n_samples=14)
        # Room again, for the samples that are asked for.
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        make(tiny(), disk / "full.zarr", here, n_samples=14)
        assert not damage(disk / "full.zarr")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_store_behind_a_url(whole, tiny, here):
    url = "memory://isacsim-test/whole.zarr"
    got = make(tiny(), url, here, chunk=5)
    same_bits(got, isacsim.open_dataset(whole))
    assert np.array_equal(digests(url), digests(whole))
    assert not damage(url)
    with pytest.raises(InputError, match="made with seed 4, asked for 5"):
        make(tiny(), url, here, seed=5)
    make(tiny(), url, here, n_samples=2, overwrite=True)
    assert isacsim.open_dataset(url).sizes["sample"] == 2
    with pytest.raises(InputError, match="no data set there"):
        isacsim.open_dataset("memory://isacsim-test/none.zarr")


def test_a_data_set_of_another_layout_is_refused_and_may_be_replaced(tiny, here, tmp_path):
    path = tmp_path / "a.zarr"
    make(tiny(), path, here)
    zarr.open_group(path, mode="r+").attrs["isacsim_format"] = 1
    for call in (lambda: make(tiny(), path, here), lambda: isacsim.open_dataset(path)):
        with pytest.raises(InputError, match=r"in layout 1 of its data sets.*--overwrite"):
            call()
    assert make(tiny(), path, here, overwrite=True).sizes["sample"] > 0
    assert not damage(path)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"workers": -1, "client": None}, "workers must be an integer of at least 0, got -1"),
        ({"workers": 2}, "workers is for processes on this machine"),
        ({"index_range": ("a", 2)}, "a bound of index_range must be an integer, got 'a'"),
        ({"index_range": 3}, "index_range must be a pair"),
        ({"per_class": {"3": 2}}, "a class in per_class must be an integer of at least 0, got '3'"),
        ({"per_class": [3]}, "per_class must be a mapping"),
    ],
)
def test_bad_arguments_are_refused_before_the_store_is_touched(tiny, here, tmp_path, options, named):
    with pytest.raises(InputError, match=named):
        make(tiny(), tmp_path / "a.zarr", here, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("nowhere", "no scenario named 'nowhere'"),
        (3, r"scenario must be a shipped name, a \.yaml file's path or a Scenario; got 3"),
        ([3], r"scenario must be a shipped name, a \.yaml file's path or a Scenario; got 3"),
        ([], "scenario must be one or several scenarios; got none"),
    ],
)
def test_what_is_no_scenario_is_refused(scenario, words, here, tmp_path):
    with pytest.raises(InputError, match=words):
        make(scenario, tmp_path / "a.zarr", here)
