"""Few labels on captures: a table of labels, splits by group, refusals, and the study on simulated stand-ins."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import dira
import isacsim
from dira.cli import app
from dira.data.windows import Windows
from dira.experiment.captured import Captured, Table, labelled_captures
from dira.experiment.few_labels import few_labels
from dira.experiment.label_cases import chosen, folds_of
from dira.models.model import NotFitted
from dira.pretraining.captures import MixedWindows, windows_of_captures
from isacsim import InputError
from isacsim.capture.netcdf import save_capture
from isacsim.dataset.real.windows import WindowingOptions

OPTIONS = WindowingOptions(1.28, None, "all", "auto", "auto", ())
PERSONS = ("ann", "bob", "cid")
HEAD = "file,label,start,end,activity,person,room\n"


def scenario(speed):
    return isacsim.Scenario.model_validate(
        {
            "name": "moving",
            "description": "one target that moves on",
            "snr_db": 25,
            "radio": {
                "carrier_hz": 5.2e9,
                "bandwidth_hz": 20e6,
                "subcarriers": 8,
                "packet_rate_hz": 100,
                "packets": 384,
                "transmitter_m": [0, 0, 1],
                "receivers": [
                    {"name": "a", "position_m": [4, 0, 1]},
                    {"name": "b", "position_m": [4, 0.2, 1]},
                ],
            },
            "environment": {"kind": "rayleigh", "power_db": 20, "k_factor_db": 6},
            "targets": {
                "fixed": [
                    {
                        "amplitude": 1,
                        "motion": {
                            "kind": "trajectory",
                            "position_m": [2, 3, 1],
                            "velocity_m_s": [0, speed, 0],
                        },
                    }
                ]
            },
            "spectrum": {"acceleration_max_m_s2": 0.2, "jerk_max_m_s3": 1},
            "impairments": {"cfo": {"offset_hz": 100}, "loss": {"fraction": 0.02}},
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of three persons who stand or walk, with their table: windows of 1.28 s, three in a file."""
    made, lines = tmp_path_factory.mktemp("captures"), [HEAD]
    for k, person in enumerate(PERSONS):
        for label, (name, speed) in enumerate((("still", 0.01), ("walk", 1.0 + 0.1 * k))):
            file = f"{person}_{name}.nc"
            save_capture(isacsim.simulate(scenario(speed), seed=10 * k + label), made / file)
            lines.append(f"{file},{2 * label},,,{name},{person},{'kitchen' if name == 'still' else 'hall'}\n")
    (made / "labels.csv").write_text("".join(lines))
    return made


@pytest.fixture(scope="module")
def captured(folder):
    return labelled_captures(Table.read(folder / "labels.csv", column="activity"), OPTIONS)


def test_windows_have_their_rows_class_group_and_file(captured):
    assert captured.classes == ("still", "walk")
    assert captured.data.labels.tolist() == [0, 0, 0, 1, 1, 1] * 3
    assert captured.data.groups.tolist() == [person for person in PERSONS for _ in range(6)]
    assert captured.recordings.tolist() == [k for k in range(6) for _ in range(3)]
    windows = captured.data.windows
    assert windows.there[:, :1, :, :120].any(axis=(1, 2)).mean() > 0.9  # 128 packets, of which some are lost
    assert not windows.there[..., 128:].any()
    assert all(np.isfinite(values).all() for values in captured.data.features.values())
    # The level of what moves is the fact that walking has and standing has not.
    levels = windows.facts[:, -1]
    assert levels[captured.data.labels == 1].min() > levels[captured.data.labels == 0].max()


def test_windows_begin_at_their_row_and_lie_within_it(folder):
    table = folder / "parts.csv"
    table.write_text(
        HEAD
        + "ann_walk.nc,1,1.0,3.7,walk,ann,hall\n"
        + "bob_walk.nc,0,0,1.3,still,bob,hall\nbob_walk.nc,,1.4,3.8,,bob,hall\n"
    )
    made = labelled_captures(Table.read(table), OPTIONS)
    assert made.data.labels.tolist() == [1, 1, 0]  # 2.7 s hold two windows; a row without a label holds none
    assert made.classes == ("0", "1")
    half = OPTIONS.__class__(1.28, 0.64, "all", "auto", "auto", ())
    assert labelled_captures(Table.read(table), half).data.labels.tolist() == [1, 1, 1, 0]


def test_what_was_cut_can_be_kept(captured, tmp_path):
    captured.save(tmp_path / "windows.npz", {"split_by": "person"})
    back = Captured.load(tmp_path / "windows.npz", {"split_by": "person"})
    with pytest.raises(InputError, match=r"windows of split_by 'person', not 'room'.*--windows"):
        Captured.load(tmp_path / "windows.npz", {"split_by": "room"})
    assert back.classes == captured.classes and back.skipped == ()
    for a, b in zip(back.data.windows, captured.data.windows, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(back.recordings, captured.recordings)
    assert back.data.groups.tolist() == captured.data.groups.tolist()


def test_folds_keep_groups_together(captured):
    cases = folds_of(captured, by="person", folds=None)
    assert sorted(groups[0] for groups, _ in cases) == list(PERSONS)
    for groups, case in cases:
        assert set(case.other.groups) == set(groups)
        assert not set(case.pool.groups) & set(groups)
        assert len(case.pool.labels) + len(case.other.labels) == 18
    two = folds_of(captured, by="person", folds=2)
    assert sorted(len(groups) for groups, _ in two) == [1, 2]


def test_labels_are_of_different_recordings_first():
    labels, recordings = np.zeros(9, np.int64), np.repeat([4, 5, 6], 3)
    for seed in range(5):
        assert set(recordings[chosen(labels, 3, seed, recordings)]) == {4, 5, 6}
        assert len(set(chosen(labels, 9, seed, recordings))) == 9
    assert len(chosen(labels, 100, 0, recordings)) == 9


def refused(table, *, match, by="person", column="activity", options=OPTIONS):
    with pytest.raises(InputError, match=match):
        folds_of(labelled_captures(Table.read(table, column=column, by=by), options), by=by, folds=None)


def test_refusals_say_what_is_wrong(folder, captured):
    table = folder / "wrong.csv"
    rows = (folder / "labels.csv").read_text().splitlines(keepends=True)
    table.write_text("".join(rows[:3]))
    refused(table, match="all windows are of one person, ann")
    refused(folder / "labels.csv", by="room", match="class (still|walk) is of room (kitchen|hall) alone")
    refused(folder / "labels.csv", by="flat", match="--split-by flat.*there are activity, person, room")
    refused(folder / "labels.csv", column="pose", match="--classes pose.*there are label, activity")
    table.write_text("".join([rows[0], rows[1], rows[3]]))
    refused(table, match="must name two classes or more, it has still")
    table.write_text("".join(rows[:3]).replace("ann_walk", "eve_walk"))
    refused(table, match="line 3: there is no file .*eve_walk.nc; files are named from the table's folder")
    table.write_text("file,label\nann_walk.nc,1\nann_still.nc,0\n")
    refused(table, by=None, column="label", match="no column person, session or room")
    long, short = (OPTIONS.__class__(s, None, "all", "auto", "auto", ()) for s in (9.0, 0.12))
    refused(
        folder / "labels.csv",
        options=long,
        match=r"line 2: ann_still.nc holds 3.8.* s of it, less than a window",
    )
    refused(folder / "labels.csv", options=short, match="fewer than 16 packets.*--window-s")
    with pytest.raises(InputError, match="--folds must be 2 to 3"):
        folds_of(captured, by="person", folds=4)


def test_a_file_without_csi_is_refused_or_left_out(folder):
    (folder / "notes.dat").write_text("nothing of a receiver\n" * 50)
    table = folder / "with_notes.csv"
    table.write_text((folder / "labels.csv").read_text() + "notes.dat,0,,,still,ann,hall\n")
    read = Table.read(table, column="activity")
    with pytest.raises(InputError, match=r"notes\.dat"):
        labelled_captures(read, OPTIONS)
    made = labelled_captures(read, OPTIONS, skip_bad=True)
    assert len(made.skipped) == 1 and len(made.data.labels) == 18


def test_the_study_on_captures_goes_on_and_writes_table_and_figure(folder, tmp_path):
    encoder = dira.Encoder(width=16, depth=1, heads=2)
    torch.manual_seed(0)
    encoder.network = encoder.build().eval()
    encoder.history = {"steps": 0}
    encoder.save_pretrained(tmp_path / "encoder")
    run = {
        "encoder": tmp_path / "encoder",
        "output": tmp_path / "out",
        "work": tmp_path / "work",
        "data": folder / "labels.csv",
        "window_s": 1.28,
        "methods": "amplitude,probe,scratch",
        "draws": 1,
        "most": 5,
        "few_steps": 1,
    }
    few_labels(**run)
    made = json.loads((tmp_path / "out/few_labels_real.json").read_text())
    assert (tmp_path / "out/few_labels_real.png").stat().st_size > 5000
    assert [(row["labels"], row["draws"]) for row in made["rows"]] == [(1, 3)] * 3 + [(5, 3)] * 3
    assert made["split_by"] == "person" and made["classes_of"] == ["0", "2"]
    assert [(one["learned"], one["tested"]) for one in made["splits"]] == [([6, 6], [3, 3])] * 3
    # Labels are numbers here, 0 and 2: an error counts two.
    amplitude = made["rows"][3]
    assert amplitude["method"] == "amplitude" and amplitude["accuracy"] > 0.9
    assert amplitude["mean_absolute_error"] == pytest.approx(2 * (1 - amplitude["accuracy"]), abs=2e-4)
    few_labels(**run | {"most": 1})  # all of it is there
    assert json.loads((tmp_path / "out/few_labels_real.json").read_text())["rows"] == made["rows"]
    named = run | {"classes": "activity", "work": tmp_path / "named", "most": 1, "methods": "amplitude"}
    few_labels(**named)
    (row,) = json.loads((tmp_path / "out/few_labels_real.json").read_text())["rows"]
    assert row["mean_absolute_error"] is None
    with pytest.raises(InputError, match="--carrier is of captures, and needs --data"):
        few_labels(**run | {"data": None, "carrier": 5.2e9})


def test_pretraining_goes_on_with_captures_alone(folder, tmp_path):
    def run(name, *more):
        args = ["pretrain", "-o", str(tmp_path / name), "--capture-share", "1", "--window-s", "1.28", *more]
        args += [part for person in PERSONS for part in ("--captures", str(folder / f"{person}_walk.nc"))]
        got = CliRunner().invoke(app, [*args, "--steps", "2", "--batch-size", "4"])
        assert got.exit_code == 0, got.output
        return dira.Encoder.from_pretrained(tmp_path / name)

    first = run("first", "--width", "40")
    assert first.history["capture_windows"] == 9 and first.history["capture_share"] == 1
    onward = run("onward", "--start", str(tmp_path / "first"), "--learning-rate", "1e-9")
    assert onward.config == first.config and onward.history["onward_from"] == first.history
    for a, b in zip(first.network.parameters(), onward.network.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)  # float16 files
    assert not (tmp_path / "first-work" / "windows").exists()
    with pytest.raises(NotFitted, match="nothing to go on from"):
        dira.Encoder().pretrain([], steps=1, onward=True)


def test_batches_mix_captures_and_simulated_windows(folder):
    own = windows_of_captures([folder / "ann_walk.nc"], OPTIONS)
    assert own.values.shape[0] == 3

    class Zeros:
        def identity(self):
            return {"zeros": True}

        def about(self):
            return {"windows": 5}

        def seen(self, n):
            return min(n, 5)

        def batches(self, size, first):
            one = Windows(*(np.zeros_like(part[:1]) for part in own))
            while True:
                yield [torch.from_numpy(np.repeat(part, size, axis=0)) for part in one]

    mixed = MixedWindows(own, 0.25, Zeros())
    batches = mixed.batches(8, 0)
    values, there, facts = next(batches)
    assert values.shape[0] == there.shape[0] == facts.shape[0] == 8
    assert there.flatten(1).any(dim=1).tolist() == [True] * 2 + [False] * 6
    # An order of epochs that does not depend on where a run was stopped.
    torch.testing.assert_close(next(batches)[0], next(mixed.batches(8, 1))[0])
    assert mixed.seen(100) == 3 + 5 and mixed.about()["windows"] == 5
    with pytest.raises(InputError, match="share must be 1"):
        MixedWindows(own, 0.5)
    with pytest.raises(InputError, match="share must be"):
        MixedWindows(own, 0.0, Zeros())
