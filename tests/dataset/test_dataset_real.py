"""Captures as data: which windows, which labels, which scale, and what is refused."""

from __future__ import annotations

import json
import shutil
import tracemalloc

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import isacsim
from isacsim import InputError
from isacsim.capture.netcdf import save_capture
from isacsim.cli import app
from isacsim.conditioning import cutting
from isacsim.conditioning.conditioning import condition
from isacsim.conditioning.windows import capture_windows
from isacsim.dataset.real import samples
from isacsim.dataset.real.labels import LabelRow, read_labels, rows_of
from isacsim.dataset.real.samples import CapturePlan, capture_dataset
from isacsim.dataset.real.write import write_captures
from isacsim.dataset.store.store import open_dataset, open_record
from isacsim.simulation.truth import truth_at
from tests.capture.capture_files import real_capture

PATH = {"kind": "kinematics", "path_length_m": 6, "velocity_m_s": 0.5, "acceleration_m_s2": 1, "jerk_m_s3": 4}
AXES = {"acceleration": np.linspace(-8, 8, 33), "jerk": np.linspace(-40, 40, 33)}
OPTIONS = {"length_s": 0.512, "settings": AXES}
TRUTH = ("path_length", "velocity", "acceleration", "jerk", "amplitude")


@pytest.fixture(scope="module")
def folder(make_scenario, tmp_path_factory):
    """Three captures of two seconds: one path at one receiver, nobody there, and two receivers with a reference."""
    folder = tmp_path_factory.mktemp("captures")
    radio = {"packets": 2048, "receivers": [{"name": "rx", "position_m": [4.0, 0.0, 1.0]}]}
    noise = {"snr_db": 30.0, "impairments": {"noise": True}}
    one = make_scenario(radio=radio, targets={"fixed": [{"amplitude": 1, "motion": PATH}]}, **noise)
    nobody = make_scenario(radio=radio, targets={"fixed": []}, **noise)
    three = make_scenario(
        radio={
            "packets": 2048,
            "receivers": [
                {"name": "a", "position_m": [4.0, 0.0, 1.0]},
                {"name": "b", "position_m": [4.1, 0.0, 1.0]},
                {"name": "ref", "role": "reference", "position_m": [3.5, 0.0, 1.0], "dynamic_gain_db": -20.0},
            ],
        },
        targets={"fixed": [{"amplitude": 1, "motion": PATH}]},
        **noise,
    )
    for seed, (name, scenario) in enumerate({"one": one, "nobody": nobody, "three": three}.items()):
        save_capture(isacsim.simulate(scenario, seed=seed), folder / f"{name}.nc")
    return folder


def test_every_window_is_a_sample_without_truth(folder):
    made = capture_dataset([folder / "one.nc"], label=1, **OPTIONS)
    assert made.aj_noisy.dims == ("sample", "acceleration", "jerk")
    assert made.aj_noisy.shape == (4, 33, 33)
    assert made.aj_noisy.dtype == np.float32
    assert list(made["index"].values) == [0, 1, 2, 3]
    assert list(made.n_targets.values) == [1] * 4
    for name, value in {
        "domain": "real",
        "source": "one.nc",
        "split": "train",
        "seed": -1,
        "scenario": "",
    }.items():
        assert set(made[name].values.tolist()) == {value}
    unknown = ["aj_noiseless", "aj_clean", "snr_db", *(f"target_{name}" for name in TRUTH)]
    for name in unknown:
        assert made[name].isnull().all(), name
        assert made[name].dtype.kind == "f"
    assert made.aj_clean.shape == made.aj_noisy.shape
    record = json.loads(made.attrs["captures"])[0]
    assert (record["file"], record["window_s"], record["hop_s"]) == ("one.nc", 0.512, 0.512)
    assert record["packet_rate"] == pytest.approx(1000)


def test_the_spectrum_is_that_of_the_window_and_peaks_where_the_path_was(folder):
    made = capture_dataset([folder / "one.nc"], **OPTIONS)
    capture = isacsim.capture.netcdf.load_capture(folder / "one.nc")
    for n in range(4):
        window = condition(capture.isel(packet=slice(512 * n, 512 * (n + 1))))
        direct = isacsim.aj_spectrum(window[0], **AXES)
        np.testing.assert_allclose(
            made.aj_noisy[n] * float(made.csi_rms[n]) ** 4, direct, atol=1e-4 * float(direct.max())
        )
        at = made.aj_noisy[n].argmax(("acceleration", "jerk"))
        truth = truth_at(capture, "rx", float(window.time[[0, -1]].mean()))
        cell = 2.5 / 0.512**2 * 0.39  # half a second: cells are four times those of one second
        assert abs(float(made.acceleration[at["acceleration"]]) - float(truth.acceleration[0])) < cell / 2


def test_gain_is_divided_out_and_an_empty_room_stays_weak(folder, tmp_path):
    capture = isacsim.capture.netcdf.load_capture(folder / "one.nc")
    capture["csi"] = capture.csi.copy(data=capture.csi.values * np.complex64(3000j))
    save_capture(capture, tmp_path / "loud.nc")
    one, loud, nobody = (
        capture_dataset([path], **OPTIONS)
        for path in (folder / "one.nc", tmp_path / "loud.nc", folder / "nobody.nc")
    )
    np.testing.assert_allclose(loud.aj_noisy, one.aj_noisy, rtol=1e-3, atol=1e-4 * float(one.aj_noisy.max()))
    np.testing.assert_allclose(loud.csi_rms, 3000 * one.csi_rms, rtol=1e-4)
    assert float(nobody.aj_noisy.max()) < 1e-2 * float(one.aj_noisy.max())


def test_hops_overlap_and_skipped_windows_keep_their_number(folder, tmp_path):
    made = capture_dataset([folder / "one.nc"], length_s=0.512, hop_s=0.256, settings=AXES)
    assert list(made["index"].values) == [0, 1, 2, 3, 4, 5, 6]
    capture = isacsim.capture.netcdf.load_capture(folder / "one.nc")
    keep = np.r_[0:600, 900:2048]
    save_capture(capture.isel(packet=keep), tmp_path / "gap.nc")
    gap = capture_dataset([tmp_path / "gap.nc"], **OPTIONS)
    assert list(gap["index"].values) == [0, 2, 3]
    assert "212 of 512" in " ".join(json.loads(gap.attrs["captures"])[0]["notes"])


def test_axes_are_those_that_every_file_allows(folder, tmp_path):
    capture = isacsim.capture.netcdf.load_capture(folder / "one.nc")
    slow = capture.isel(packet=slice(0, None, 10))
    slow.attrs["packet_rate"] = 100.0
    save_capture(slow, tmp_path / "slow.nc")
    files = [folder / "one.nc", tmp_path / "slow.nc"]
    made = capture_dataset(files, length_s=1.024)
    assert float(made.acceleration[-1]) < 6
    assert made.acceleration.size == 64
    with pytest.raises(InputError, match=r"slow\.nc: Axes of ±8 m/s² .* unambiguous up to"):
        capture_dataset(files, length_s=1.024, settings=AXES)
    with pytest.raises(InputError, match=r"slow\.nc: The window has 26 packets .* at least 32"):
        capture_dataset(files[1:], length_s=0.256)


def test_receivers_must_agree_and_one_can_be_asked_for(folder):
    files = [folder / "three.nc", folder / "one.nc"]
    both = capture_dataset(files[:1], **OPTIONS)
    assert both.aj_noisy.dims == ("sample", "receiver", "acceleration", "jerk")
    assert both.target_jerk.dims == ("sample", "receiver", "target")
    with pytest.raises(InputError, match=r"one\.nc gives 1 receivers, three\.nc 2"):
        capture_dataset(files, **OPTIONS)
    one = capture_dataset(files, receivers="one", **OPTIONS)
    assert one.aj_noisy.dims == ("sample", "acceleration", "jerk")
    assert one.sizes["sample"] == 8
    assert json.loads(one.attrs["captures"])[0]["receiver"][0] in ("a", "b")


def test_labels_go_by_the_row_that_holds_the_whole_window(folder, tmp_path):
    csv = tmp_path / "labels.csv"
    csv.write_text(
        "file,start,end,label,split\none.nc,0,1.1,1,test\none.nc, 1.1, 9, 2, test\nnobody.nc,,,0,\n"
    )
    made = capture_dataset([folder / "one.nc", folder / "nobody.nc"], labels=csv, **OPTIONS)
    assert list(made.n_targets.values) == [1, 1, -1, 2, 0, 0, 0, 0]
    assert list(made.split.values) == ["test"] * 4 + ["train"] * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\nwalk.dat,three\n", r"line 2: label is 'three'; it must be a number of targets"),
        ("file,label\nwalk.dat,-1\n", "line 2: label is '-1'"),
        ("file,label\na,1\n\nwalk.dat,99999\n", "line 4: label is '99999'"),
        ("file,label\n,1\n", "line 2: file is empty"),
        ("file,label\nwalk.dat\n", "line 2: the number of fields"),
        ("file,label\nwalk.dat,1,2\n", "line 2: the number of fields"),
        ("file,start,end,label\nwalk.dat,2,1,3\n", "line 2: end is 1 s; it must be above start, 2 s"),
        ("file,start,end,label\nwalk.dat,0,soon,3\n", "line 2: end is 'soon'"),
        ("file,start,end,label\nwalk.dat,0,nan,3\n", "line 2: end is 'nan'"),
        ("file,start,end,label\nwalk.dat,0,,3\n", "line 2: start and end go together"),
        ("file,start,label\nwalk.dat,0,3\n", "line 1: start and end go together"),
        ("file,label,split\nwalk.dat,1,dev\n", "line 2: split is 'dev'; it must be one of train"),
        ("walk.dat,1\n", "line 1: the columns are"),
        ("file,label\n", "no label below the header"),
        ("", "line 1: the columns are none"),
    ],
)
def test_bad_rows_are_named_by_line(tmp_path, text, message):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_labels(path)


def test_rows_find_their_file_and_must_not_overlap_or_leak():
    rows = [LabelRow("day1/a.dat", 1, where="l, line 2"), LabelRow("day2/a.dat", 2, where="l, line 3")]
    assert rows_of(rows, "/home/x/day2/a.dat") == [rows[1]]
    with pytest.raises(InputError, match="no row for this file"):
        rows_of(rows, "/home/x/day3/a.dat")
    two = [LabelRow("a", 1, 0, 5, where="l, line 2"), LabelRow("a", 2, 4, 8, where="l, line 3")]
    with pytest.raises(InputError, match="line 3: overlaps the row at line 2"):
        rows_of(two, "a")
    two = [LabelRow("a", 1, 0, 4, "train", "l, line 2"), LabelRow("a", 2, 4, 8, "test", "l, line 3")]
    with pytest.raises(
        InputError, match=r"line 3: a is in split test, at line 2 in train; the windows of one"
    ):
        rows_of(two, "a")


def test_what_cannot_be_is_refused(folder, tmp_path):
    one = folder / "one.nc"
    shutil.copy(one, tmp_path / "other.nc")
    cases = [
        (([],), {}, "no capture file"),
        (([tmp_path / "none.nc"],), {}, "no such file"),
        (([one, tmp_path / "other.nc"],), {}, "hold the same capture"),
        (([one],), {"label": 1, "labels": "x.csv"}, "not both"),
        (([one],), {"label": -2}, "label must be"),
        (([one],), {"split": "dev"}, "split must be one of"),
        (([one],), {"receivers": "some"}, "receivers must be"),
        (([one],), {"carrier": 5.3e9}, "holds its carrier; leave that out"),
        (([one],), {"labels": tmp_path / "none.csv"}, "cannot be read"),
        ((str(one),), {}, "must be a list"),
    ]
    for arguments, options, message in cases:
        with pytest.raises(InputError, match=message):
            capture_dataset(*arguments, **options)


def test_source_tells_files_of_one_name_apart(folder, tmp_path):
    for name, day in (("one", "day1"), ("nobody", "day2")):
        (tmp_path / day).mkdir()
        shutil.copy(folder / f"{name}.nc", tmp_path / day / "walk.nc")
    made = capture_dataset([tmp_path / "day1/walk.nc", tmp_path / "day2/walk.nc"], **OPTIONS)
    assert list(dict.fromkeys(made.source.values.tolist())) == ["day1/walk.nc", "day2/walk.nc"]


@pytest.mark.parametrize(
    ("name", "carrier", "windows", "done"),
    [
        ("nexmon_43455c0_80mhz_walk.pcap", None, 3, "phase aligned to the mean channel"),
        ("intel5300_1khz_3x1.dat", 5.32e9, 2, "product with receiver rx"),
        ("intel5300_walk_2x2.dat", 5.32e9, 7, "product with receiver rx"),
    ],
)
def test_real_files_become_samples(name, carrier, windows, done):
    made = capture_dataset([real_capture(name)], carrier=carrier)
    assert made.sizes["sample"] == windows
    assert np.isfinite(made.aj_noisy).all()
    assert (made.aj_noisy.max(("acceleration", "jerk")) > 0).all()
    assert set(made.n_targets.values.tolist()) == {-1}
    record = json.loads(made.attrs["captures"])[0]
    assert record["conditioning"].startswith(done)
    assert "phase sign assumed to be -1" in record["notes"]


def test_a_slow_real_file_is_refused_in_numbers():
    with pytest.raises(
        InputError, match=r"nexmon_4366c0_80mhz\.pcap: 9\.766 packets/s allow .* over 3\.28 s"
    ):
        capture_dataset([real_capture("nexmon_4366c0_80mhz.pcap")])


def test_a_store_holds_the_same_and_is_finished_after_an_interruption(folder, tmp_path, monkeypatch):
    files, out = [folder / "one.nc", folder / "nobody.nc"], tmp_path / "real.zarr"
    told: list[tuple[int, int]] = []
    made = write_captures(files, out, chunk=3, progress=lambda *at: told.append(at), label=1, **OPTIONS)
    expected = capture_dataset(files, label=1, **OPTIONS)
    assert told == [(3, 8), (6, 8), (8, 8)]
    xr.testing.assert_equal(made.load(), expected)
    record = open_record(out, mode="r+")
    record.digests[2] = 0
    with pytest.raises(InputError, match="incomplete"):
        open_dataset(out)
    computed = []
    of = CapturePlan.samples_of
    monkeypatch.setattr(
        CapturePlan,
        "samples_of",
        lambda self, n, **most: computed.append(self.files[n].source) or of(self, n, **most),
    )
    xr.testing.assert_equal(write_captures(files, out, label=1, **OPTIONS).load(), expected)
    assert computed == ["nobody.nc"]
    with pytest.raises(InputError, match="another data set is there, it differs in captures"):
        write_captures(files[:1], out, label=1, **OPTIONS)
    assert write_captures(files[:1], out, label=1, overwrite=True, **OPTIONS).sizes["sample"] == 4


@pytest.mark.parametrize("name", ["one.nc", "three.nc"])
def test_a_store_made_by_windows_is_that_made_in_one_go(name, folder, tmp_path, monkeypatch):
    capture = isacsim.capture.netcdf.load_capture(folder / name)
    windows = capture_windows(capture, window_s=0.512).used
    # As the module's docstring says of the scale: one number for all windows and receivers.
    rms = np.float32(
        np.sqrt(np.mean([np.mean(np.abs(w.csi.values) ** 2, dtype=np.float64) for w in windows]))
    )
    spectra = [
        isacsim.aj_spectrum(w.csi.copy(data=w.csi.values / rms), **AXES).transpose("receiver", ...)
        for w in windows
    ]
    whole = np.stack([one.values for one in spectra])
    monkeypatch.setattr(samples, "_BLOCK_BYTES", 1)
    made = write_captures([folder / name], tmp_path / "made.zarr", chunk=3, **OPTIONS)
    np.testing.assert_array_equal(made.aj_noisy.values.reshape(whole.shape), whole)
    assert set(made.csi_rms.values.tolist()) == {float(rms)}


def test_memory_does_not_grow_with_the_length_of_a_saved_capture(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "_BLOCK_BYTES", 1)
    monkeypatch.setattr(cutting, "_MOST_VALUES", 1)
    capture = isacsim.capture.netcdf.load_capture(folder / "one.nc").drop_vars("csi_noiseless")
    attrs = {name: value for name, value in capture.attrs.items() if name not in ("scenario", "packets")}
    more = capture.assign_attrs(attrs)[["csi"]]
    parts = [more.assign_coords(time=more.time + 2.048 * n) for n in range(8)]
    how = {"data_vars": "minimal", "coords": "minimal", "compat": "override"}
    peaks = []
    for n in (1, 2, 8):  # the first one fills caches
        save_capture(xr.concat(parts[:n], "packet", **how), tmp_path / f"{n}.nc")
        tracemalloc.start()
        try:
            write_captures([tmp_path / f"{n}.nc"], tmp_path / f"{n}.zarr", chunk=2, **OPTIONS)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # CSI of six more parts, as read and as conditioned, would be 12; their times are held, a sixteenth as large.
    assert peaks[2] - peaks[1] < 3 * capture.csi.nbytes


def test_the_command_takes_the_axes_of_a_store_and_refuses_what_does_not_go_together(folder, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments), "--no-progress"])

    first, second = tmp_path / "first.zarr", tmp_path / "second.zarr"
    one_file = ["import", folder / "one.nc", "--window", 0.512, "--like", "default", "--label", 1]
    made = run(*one_file, "-o", first)
    assert made.exit_code == 0, made.output
    assert "4 samples" in made.stdout
    nobody = ["import", folder / "nobody.nc", "--window", 0.512, "--hop", 0.256, "--like", first]
    made = run(*nobody, "--split", "test", "-o", second)
    assert made.exit_code == 0, made.output
    one, two = open_dataset(first), open_dataset(second)
    np.testing.assert_array_equal(one.jerk, two.jerk)
    assert float(one.jerk[-1]) == 40
    assert set(two.split.values.tolist()) == {"test"}
    for arguments, message in (
        (
            ("import", folder / "one.nc", "--split", "lab=test"),
            "split must be one of train, validation, test",
        ),
        (("import", tmp_path / "none.dat"), "no such file"),
    ):
        refused = run(*arguments, "-o", tmp_path / "third.zarr")
        assert refused.exit_code == 2
        assert message in refused.stderr
        assert not (tmp_path / "third.zarr").exists()


@pytest.mark.parametrize("option", [["--capture", "one.nc"], ["--capture=one.nc"]])
def test_the_old_command_names_the_new_one(option, tmp_path):
    old = ["generate", *option, "--label", "1", "-o", str(tmp_path / "a.zarr")]
    refused = CliRunner().invoke(app, old)
    assert refused.exit_code == 2
    assert refused.stderr.strip().splitlines() == [
        "isacsim: generate makes data sets from scenarios; for captures use isacsim import FILES."
    ]
