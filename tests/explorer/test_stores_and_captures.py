"""Samples of a data set by class, split and SNR; captures as the command shows them."""

from __future__ import annotations

import base64
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

import isacsim
from isacsim.cli import app
from isacsim.errors import InputError
from isacsim.explorer.captures import capture_overview
from isacsim.explorer.folder import Folder
from isacsim.explorer.stores import StoreBrowser
from tests.explorer.test_live import values


@pytest.fixture
def browse(shown_folder):
    browser, path = StoreBrowser(), Folder(shown_folder).store("small.zarr")
    return lambda **asked: browser.sample(path, "small.zarr", asked)


@pytest.fixture(scope="module")
def stored(shown_folder):
    return isacsim.open_dataset(shown_folder / "small.zarr").load()


def test_samples_come_one_after_the_other(browse, stored):
    for number in range(6):
        got = browse(position=number)
        assert (got["sample"], got["position"], got["matching"], got["total"]) == (number, number, 6, 6)
        assert got["about"]["n_targets"] == int(stored.n_targets[number])
        assert got["about"]["split"] == ("train" if number < 4 else "test")
        assert got["about"]["snr_db"] == pytest.approx(float(stored.snr_db[number]))
        assert set(got["spectra"]) == {"noisy", "noiseless", "clean"}
        for kind, packed in got["spectra"].items():
            np.testing.assert_array_equal(values(packed), stored[f"aj_{kind}"][number].values)
        np.testing.assert_allclose(got["acceleration"], stored.acceleration)
        truth = stored.target_acceleration[number].values
        assert [one["acceleration"] for one in got["truth"]] == truth[np.isfinite(truth)].tolist()
    assert browse(position=99)["sample"] == 5  # there is no further one


def test_filters_leave_those_that_fit(browse, stored):
    labels, snr = stored.n_targets.values, stored.snr_db.values
    assert browse()["classes"] == sorted(set(labels.tolist()))
    assert browse()["splits"] == ["test", "train"]
    for label in set(labels.tolist()):
        assert browse(n_targets=label)["matching"] == (labels == label).sum()
    assert browse(split="test")["sample"] == 4
    middle = float(np.median(snr))
    assert browse(snr_least=middle)["matching"] == (snr >= middle).sum() == 3
    assert browse(snr_least=middle, split="train")["matching"] == (snr[:4] >= middle).sum()
    assert browse(snr_most=middle)["matching"] == 3
    assert browse(snr_least=float(snr[2]), snr_most=float(snr[2]))["sample"] == 2
    nothing = browse(snr_least=99)
    assert nothing["matching"] == 0 and "sample" not in nothing


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"position": -1}, "position must be an integer of at least 0"),
        ({"n_targets": "three"}, "n_targets must be an integer"),
        ({"snr_least": float("nan")}, "snr_least must be a number"),
    ],
)
def test_other_filters_are_refused(browse, asked, why):
    with pytest.raises(InputError, match=why):
        browse(**asked)


def test_other_folders_and_damage_are_refused_in_a_sentence(shown_folder, tmp_path):
    browser = StoreBrowser()
    with pytest.raises(InputError, match=r"no zarr group"):
        browser.sample(shown_folder / "rooms", "rooms", {})
    damaged = shutil.copytree(shown_folder / "small.zarr", tmp_path / "damaged.zarr")
    file = min(one for one in (damaged / "aj_noisy" / "c").rglob("*") if one.is_file())
    file.write_bytes(b"x" * 20)
    with pytest.raises(InputError, match=r"damaged.zarr: aj_noisy of chunk 0 .* cannot be read"):
        browser.sample(damaged, "damaged.zarr", {})


def test_chunks_that_are_too_large_are_refused_before_they_are_read(shown_folder, monkeypatch):
    monkeypatch.setattr("isacsim.explorer.stores._MOST_CHUNK", 100)
    with pytest.raises(InputError, match=r"a chunk of .* the explorer reads chunks of at most 100 bytes"):
        StoreBrowser().sample(shown_folder / "small.zarr", "small.zarr", {})


@pytest.mark.parametrize(
    ("file", "asked"), [("walk.csv", {}), ("walk.dat", {"carrier": 5.32e9}), ("saved.nc", {})]
)
def test_captures_are_shown_as_the_command_shows_them(shown_folder, file, asked):
    got = capture_overview(shown_folder / file, file, asked)
    options = [part for name, value in asked.items() for part in (f"--{name}", str(value))]
    printed = CliRunner().invoke(app, ["capture", str(shown_folder / file), *options]).output
    for label, text in got["facts"]:
        # The command breaks long lines.
        assert label in printed and text.split(",")[0] in printed
    for row in got["receivers"]["rows"]:
        assert row[0] in printed
    assert [picture["title"] for picture in got["pictures"]][:2] == ["Over time", "Amplitude"]
    assert all(base64.b64decode(one["png"]).startswith(b"\x89PNG") for one in got["pictures"])


@pytest.mark.parametrize(
    ("file", "asked", "why"),
    [
        ("bad.dat", {}, "bad.dat: no known capture format begins with"),
        ("walk.dat", {}, "carrier"),
        ("walk.dat", {"carrier": "high"}, "carrier"),
        ("saved.nc", {"carrier": 5e9}, "saved.nc is a saved capture"),
    ],
)
def test_bad_files_get_a_sentence_without_the_folder(shown_folder, file, asked, why):
    with pytest.raises(InputError, match=why) as caught:
        capture_overview(shown_folder / file, file, asked)
    assert str(shown_folder) not in str(caught.value)
