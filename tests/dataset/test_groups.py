"""Sessions, persons, rooms: the labels' columns stay with the samples, splits go by them; paths go up or by links."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from isacsim import InputError, open_dataset
from isacsim.capture.netcdf import save_capture
from isacsim.cli import app
from isacsim.dataset.groups import groups_to_splits, positions_where, split_by_group
from isacsim.dataset.loading.stream import SampleStream
from isacsim.dataset.mixed.mix import mix
from isacsim.dataset.real.labels import read_labels
from isacsim.dataset.real.samples import capture_dataset

AXES = {"acceleration": np.linspace(-8, 8, 9), "jerk": np.linspace(-40, 40, 9)}
OPTIONS = {"length_s": 0.512, "settings": AXES}
PERSONS = {"a": "ann", "b": "bob", "c": "ann", "d": "eve"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four captures of a second, two subcarriers, something of noise."""
    folder = tmp_path_factory.mktemp("captures")
    for seed, name in enumerate(PERSONS):
        rng = np.random.default_rng(seed)
        csi = 5 + rng.standard_normal((1, 2, 1100, 2)) @ [1, 1j]
        coords = {
            "frequency": ("subcarrier", 5.3e9 + 1e6 * np.arange(2)),
            "time": ("packet", np.arange(1100) / 1e3),
        }
        dataset = xr.Dataset(
            {"csi": (("receiver", "subcarrier", "packet"), csi.astype(np.complex64))}, coords
        )
        save_capture(dataset.assign_attrs(phase_sign=-1), folder / f"{name}.nc")
    lines = [f"{name}.nc,,,1,{person},kitchen" for name, person in PERSONS.items()]
    lines[1:2] = ["b.nc,0,0.6,1,bob,kitchen", "b.nc,0.6,1.2,,bob,hall"]
    (folder / "labels.csv").write_text("file,start,end,label,person,room\n" + "\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def files(folder: Path) -> list[Path]:
    return [folder / f"{name}.nc" for name in PERSONS]


def test_columns_of_the_labels_stay_with_the_samples(folder: Path, files: list[Path]) -> None:
    made = capture_dataset(files, labels=folder / "labels.csv", **OPTIONS)
    assert {"person", "room"} <= set(made.coords)
    assert made.person.values.tolist() == [p for p in PERSONS.values() for _ in range(2)]
    # The second window of b begins at 0.512 and ends at 1.023: in neither row, so its room is not known.
    assert made.room.values.tolist() == ["kitchen"] * 3 + [""] + ["kitchen"] * 4
    assert made.n_targets.values.tolist() == [1, 1, 1, -1, 1, 1, 1, 1]
    assert made.sel(sample=made.person == "ann").sizes["sample"] == 4


def test_the_command_splits_by_person_and_the_store_keeps_it(
    folder: Path, files: list[Path], tmp_path: Path
) -> None:
    store = tmp_path / "real.zarr"
    arguments = ["import", *map(str, files), "--labels", str(folder / "labels.csv"), "-o", str(store)]
    arguments += ["--window-s", "0.512", "--splits", "train=0.7,test=0.3", "--no-progress"]
    for _ in range(2):  # the second one finds it finished
        result = CliRunner().invoke(app, [*arguments, "--split-by", "person"])
        assert result.exit_code == 0, result.output
    made = open_dataset(store)
    assert {"person", "room"} <= set(made.coords)
    by_person = {(p, s) for p, s in zip(made.person.values.tolist(), made.split.values.tolist(), strict=True)}
    assert len(by_person) == 3  # each in one split
    assert {s for _, s in by_person} == {"train", "test"}
    assert json.loads(made.attrs["split_by"]) == {
        "by": "person",
        "splits": {"train": 0.7, "test": 0.3},
        "seed": 0,
    }
    whole = CliRunner().invoke(app, ["inspect", str(store), "--verify"])
    assert whole.exit_code == 0, whole.output
    other = CliRunner().invoke(app, [*arguments, "--split-by", "room", "--overwrite"])
    assert other.exit_code == 2
    assert "b.nc has room hall and kitchen" in other.stderr


def test_what_cannot_be_split_is_refused(folder: Path, files: list[Path], tmp_path: Path) -> None:
    labels = folder / "labels.csv"
    half = {"train": 0.5, "test": 0.5}
    for options, message in (
        ({"split_by": "person"}, "needs splits"),
        ({"split_by": "mood", "splits": half}, "no such column; there are file, person, room"),
        ({"splits": {"train": 0.5, "dev": 0.5}}, "splits must be among"),
        ({"splits": {"train": 0.5, "test": 0.4}}, "add up to 1"),
    ):
        with pytest.raises(InputError, match=message):
            capture_dataset(files, labels=labels, **options, **OPTIONS)
    with pytest.raises(InputError, match=r"1 persons \(ann\) cannot fill 2 splits"):
        capture_dataset([files[0], files[2]], labels=labels, split_by="person", splits=half, **OPTIONS)
    said = tmp_path / "said.csv"
    said.write_text("file,label,split\na.nc,1,test\n")
    with pytest.raises(InputError, match="already give the split of each file"):
        capture_dataset(files[:1], labels=said, splits=half, **OPTIONS)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 50), min_size=3, max_size=12),
    st.sampled_from([{"train": 0.8, "test": 0.2}, {"train": 0.6, "validation": 0.2, "test": 0.2}]),
    st.integers(0, 5),
)
def test_groups_fill_splits(sizes: dict[str, int], fractions: dict[str, float], seed: int) -> None:
    found = groups_to_splits(sizes, fractions, seed=seed)
    assert found == groups_to_splits(dict(reversed(sizes.items())), fractions, seed=seed)
    assert set(found) == set(sizes)
    assert set(found.values()) == set(fractions)
    total = sum(sizes.values())
    for split, share in fractions.items():
        held = sum(sizes[name] for name, one in found.items() if one == split)
        # The last group that goes somewhere goes where most is missing.
        assert held <= share * total + max(sizes.values())


def test_loaders_take_conditions_and_split_by_groups(folder: Path, files: list[Path]) -> None:
    made = capture_dataset(files, labels=folder / "labels.csv", **OPTIONS)
    made["number"] = ("sample", np.arange(8))

    def numbers(**asked: object) -> list[int]:
        options = {"split": None, "shuffle": False, "seed": 0, "buffer_chunks": 4, "channel_axis": 1} | asked
        stream = SampleStream(made, inputs=["aj_noisy"], targets=["number"], **options)
        return [int(n) for _, (found,) in stream.blocks(0) for n in found]

    assert numbers(where={"person": "ann"}) == [0, 1, 4, 5]
    assert numbers(where={"person": ["bob", "eve"], "n_targets": 1}) == [2, 6, 7]
    assert numbers(where={"person": lambda name: name != "eve"}) == [0, 1, 2, 3, 4, 5]
    splits = {"train": 0.5, "test": 0.5}
    train, test = (numbers(split_by="person", splits=splits, split=name) for name in splits)
    assert sorted(train + test) == list(range(8))
    assert not {made.person.values[n] for n in train} & {made.person.values[n] for n in test}
    for asked, message in (
        ({"where": {"person": "zoe"}}, "no sample has person 'zoe'; there are ann, bob, eve"),
        ({"where": {"mood": "good"}}, "no 'mood' of each sample"),
        ({"split_by": "person", "split": "train"}, "needs splits"),
        ({"split_by": "person", "splits": splits}, "and split, one of them"),
        ({"split_by": "room", "splits": splits, "split": "train"}, "1 samples have no room"),
        ({"splits": splits}, "split_by, which is missing"),
        ({"where": {"person": lambda _: False}}, "no sample"),
    ):
        with pytest.raises(InputError, match=message):
            numbers(**asked)
    assert split_by_group(made, "person", splits).shape == (8,)
    assert positions_where(made, {"source": "a.nc"}).tolist() == [0, 1]


def test_a_mix_keeps_the_columns(folder: Path, files: list[Path]) -> None:
    real = capture_dataset(files, labels=folder / "labels.csv", **OPTIONS)
    other = capture_dataset(files[:2], label=1, **OPTIONS)
    other["domain"] = ("sample", np.full(4, "synthetic", np.dtypes.StringDType()))
    other["aj_noiseless"][:] = 0.0
    both = mix(other, real, real_fraction=0.5, seed=0)
    of_real = both.domain.values == "real"
    assert "person" in both.coords
    assert set(both.person.values[of_real].tolist()) <= {"ann", "bob", "eve"}
    assert set(both.person.values[~of_real].tolist()) == {""}


@pytest.mark.parametrize(
    "named",
    ["../data/a.nc", "x/../../data/a.nc", "{absolute}", "data/a.nc", "data\\a.nc", "./a.nc"],
)
def test_rows_may_go_up_or_say_all_of_the_path(folder: Path, tmp_path: Path, named: str) -> None:
    for part in ("data", "labels/x"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "data" / "a.nc").write_bytes((folder / "a.nc").read_bytes())
    csv = tmp_path / "labels" / "l.csv"
    csv.write_text(f"file,label\n{named.format(absolute=tmp_path / 'data' / 'a.nc')},3\n")
    made = capture_dataset([tmp_path / "data" / "a.nc"], labels=csv, **OPTIONS)
    assert made.n_targets.values.tolist() == [3, 3]


def test_a_link_goes_by_its_own_name_and_by_where_it_leads(folder: Path, tmp_path: Path) -> None:
    for part in ("store", "view"):
        (tmp_path / part).mkdir()
    (tmp_path / "store" / "4f2a.nc").write_bytes((folder / "a.nc").read_bytes())
    link = tmp_path / "view" / "walk.nc"
    link.symlink_to(tmp_path / "store" / "4f2a.nc")
    csv = tmp_path / "l.csv"
    for named in ("walk.nc", "4f2a.nc", "view/../store/4f2a.nc", str(link)):
        csv.write_text(f"file,label\n{named},2\n")
        made = capture_dataset([link], labels=csv, **OPTIONS)
        assert made.n_targets.values.tolist() == [2, 2]
        assert made.source.values[0] == "walk.nc"
    csv.write_text("file,label\n../elsewhere/walk.nc,2\n")
    with pytest.raises(
        InputError, match=r"line 2 names \.\./elsewhere/walk\.nc, which from the labels' folder is /"
    ):
        capture_dataset([link], labels=csv, **OPTIONS)
    os.unlink(tmp_path / "store" / "4f2a.nc")
    with pytest.raises(InputError, match=r"walk\.nc: this is a link to .*4f2a\.nc, where no file is"):
        capture_dataset([link], **OPTIONS)


def test_a_row_that_names_two_files_is_refused(folder: Path, tmp_path: Path) -> None:
    paths = []
    for day, name in (("day1", "a"), ("day2", "b")):
        (tmp_path / day).mkdir()
        paths.append(tmp_path / day / "walk.nc")
        paths[-1].write_bytes((folder / f"{name}.nc").read_bytes())
    csv = tmp_path / "l.csv"
    csv.write_text("file,label\nwalk.nc,2\n")
    with pytest.raises(InputError, match=r"line 2: walk\.nc names both .*day1.*day2"):
        capture_dataset(paths, labels=csv, **OPTIONS)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("file,label,lable", "column 'lable'; did you mean label"),
        ("file,label,Split", "column 'Split'; did you mean split"),
        ("file,label,seed", "seed is a variable of data sets already"),
        ("file,label,my room", "must be letters, digits"),
        ("file,label,room,room", "each once"),
    ],
)
def test_columns_that_cannot_be_are_named(tmp_path: Path, header: str, message: str) -> None:
    path = tmp_path / "l.csv"
    path.write_text(f"{header}\n" + ",".join("1" for _ in header.split(",")) + "\n")
    with pytest.raises(InputError, match=message):
        read_labels(path)
