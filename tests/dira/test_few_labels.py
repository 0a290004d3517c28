"""Few labels: features, tasks in rooms apart, and the study in a quick form."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from scipy.constants import speed_of_light

import dira
from dira.experiment.few_labels import few_labels
from dira.experiment.label_methods import METHODS, Setting, learned
from dira.experiment.label_tables import summary
from dira.experiment.label_tasks import PLACES, TASKS, scenario_in, windows_of
from dira.experiment.labelled import (
    BASELINES,
    Labelled,
    amplitude_statistics,
    doppler_features,
    power_statistics,
)
from isacsim import InputError

TIME = np.arange(512) / 250
FREQUENCY = 5.3e9 + 312.5e3 * np.arange(30)


def moving(velocity, level=0.1):
    """A static path, and one of some velocity in m/s; (pair, subcarrier, packet)."""
    turns = np.exp(-2j * np.pi * FREQUENCY[:, None] / speed_of_light * (8 + velocity * TIME))
    return (1 + level * turns)[np.newaxis]


@pytest.fixture(scope="module")
def encoder():
    made = dira.Encoder(width=32, depth=1, heads=2)
    torch.manual_seed(0)
    made.network = made.build().eval()
    return made


@pytest.mark.parametrize("velocity", [-2.0, -0.5, 0.5, 2.0])
def test_doppler_features_show_speed_and_direction(velocity):
    features = doppler_features(moving(velocity), TIME, FREQUENCY)
    shares = features[1:25].reshape(2, 12)  # (sign, speed)
    sign, speed = np.unravel_index(shares.argmax(), shares.shape)
    edges = np.geomspace(0.15, 6.0, 13)
    # A path that grows turns the phase backwards: negative frequencies.
    assert sign == (0 if velocity > 0 else 1)
    assert edges[speed] - 0.25 < abs(velocity) < edges[speed + 1] + 0.25


def test_amplitudes_ignore_gain_and_power_alone_sees_it():
    csi = moving(1.0)
    steps = np.where(TIME > 1, 2.0, 1.0)
    np.testing.assert_allclose(
        amplitude_statistics(7 * csi, TIME), amplitude_statistics(csi, TIME), rtol=1e-6, atol=1e-9
    )
    assert power_statistics(csi * steps, TIME)[0] > power_statistics(csi, TIME)[0] + 1
    np.testing.assert_allclose(power_statistics(7 * csi, TIME), power_statistics(csi, TIME), atol=1e-6)


def test_rooms_and_people_of_a_task_are_apart():
    labels, test = (scenario_in("activity_walk", PLACES[name]) for name in ("labels", "test"))
    shipped = scenario_in("activity_walk", PLACES["labels"]).radio
    assert labels.radio.transmitter_m != test.radio.transmitter_m
    assert shipped.packets == test.radio.packets
    heights = [one.targets.fixed[0].body.height_m.uniform for one in (labels, test)]
    assert heights[0][1] <= heights[1][0]
    assert len(scenario_in("people_3", PLACES["test"]).targets.configs()) == 3
    assert scenario_in("empty", PLACES["test"]).targets.configs() == ()


def test_windows_are_the_same_by_any_number_of_workers():
    one, two = (windows_of(TASKS["presence"], PLACES["labels"], 3, seed=5, workers=n) for n in (0, 2))
    assert one.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert set(one.groups) == {"labels"}
    for name in BASELINES:
        assert np.isfinite(one.features[name]).all()
        np.testing.assert_array_equal(one.features[name], two.features[name])
    for a, b in zip(one.windows, two.windows, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.rows(np.array([3])).labels.tolist() == [1]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_tells_fast_from_slow(method, encoder):
    rng = np.random.default_rng(0)
    parts = []
    for i in range(24):
        csi = moving((0.3, 2.5)[i % 2] * rng.choice([-1, 1]), 0.1 + 0.4 * (i % 2))
        csi = csi + 0.01 * (rng.standard_normal(csi.shape) + 1j * rng.standard_normal(csi.shape))
        parts.append(Labelled.of(csi, TIME, csi, TIME, FREQUENCY, i % 2, "room"))
    every = Labelled.together(parts)
    known, other = every.rows(np.arange(12)), every.rows(np.arange(12, 24))
    probe = learned(method, encoder, known, other, seed=0, setting=Setting(few=60, many=60))
    assert probe.accuracy > 0.8, (method, probe.predicted)


def test_without_scikit_learn_the_sentence_says_what_to_install(monkeypatch, encoder):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    one = Labelled.of(moving(1.0), TIME, moving(1.0), TIME, FREQUENCY, 0, "room")
    with pytest.raises(InputError, match=r"scikit-learn.*isacsim\[tuning\]"):
        learned("power", encoder, one, one, seed=0, setting=Setting())


def test_the_study_goes_on_and_writes_table_and_figure(tmp_path, encoder, monkeypatch):
    encoder.history = {"steps": 0}
    encoder.save_pretrained(tmp_path / "encoder")
    for module in ("few_labels", "label_cases", "label_tables"):
        monkeypatch.setattr(f"dira.experiment.{module}.LABELS", (1, 2))
    monkeypatch.setattr("dira.experiment.few_labels.TESTED", 2)
    run = {
        "encoder": tmp_path / "encoder",
        "output": tmp_path / "out",
        "work": tmp_path / "work",
        "tasks": "presence",
        "methods": "power,probe",
        "draws": 2,
        "most": 1,
        "few_steps": 1,
        "many_steps": 1,
        "workers": 0,
    }
    few_labels(**run)
    first = json.loads((tmp_path / "out/few_labels.json").read_text())
    assert [(row["labels"], row["draws"]) for row in first["rows"]] == [(1, 2), (1, 2)]
    few_labels(**run | {"most": 2})  # what was there is not done again
    second = json.loads((tmp_path / "out/few_labels.json").read_text())
    assert [row for row in second["rows"] if row["labels"] == 1] == first["rows"]
    assert len(second["rows"]) == 4
    assert (tmp_path / "out/few_labels.png").stat().st_size > 5000
    with pytest.raises(InputError, match="'walking' is not one of activity"):
        few_labels(**run | {"tasks": "walking"})
    with pytest.raises(InputError, match="setting"):
        few_labels(**run | {"few_steps": 2})


def test_a_summary_has_mean_and_spread():
    of = {"macro_f1": 0.5, "mean_absolute_error": 0.0}
    results = {"count/1/0/lora": {"accuracy": 0.5, **of}, "count/1/1/lora": {"accuracy": 0.7, **of}}
    (row,) = summary(results, ["count"], ["lora", "full"])
    assert row["accuracy"] == 0.6 and row["accuracy_std"] == pytest.approx(0.1414, abs=1e-4)
