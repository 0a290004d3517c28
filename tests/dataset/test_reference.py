"""Reference data sets: the record is of the scenarios as they are, digests survive rounding, other data is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import isacsim
from isacsim import InputError
from isacsim.cli import app
from isacsim.dataset import reference
from isacsim.dataset.reference import (
    FIRST,
    STEP,
    check_reference,
    make_reference,
    measure,
    references,
    spectra_fault,
)
from isacsim.schema import TRUTH

NAMES = ("points", "people", "arrays")


def test_there_are_three() -> None:
    assert tuple(references()) == NAMES
    assert len({one.digest for one in references().values()}) == 3
    for one in references().values():
        assert len(one.digest) == 64 and one.version >= 1 and one.samples >= 100
        # Double precision errs by less than 1e-9, in steps by less than 1e-5.
        assert one.margin > 1e-5
        assert not one.scenario.impairments.noise
        for part in (f"isacsim-{one.name}", f"version {one.version}", one.digest, reference.LICENCE):
            assert part in one.citation


def test_the_page_says_what_the_record_does() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference_data.md").read_text(encoding="utf-8")
    for one in references().values():
        assert f"| isacsim-{one.name} | {one.version} | {one.samples} | `{one.digest[:12]}` |" in page
        assert f"`{one.base}`" in page
    least = min(one.margin for one in references().values())
    assert f"{least:.1e} steps, which is {least * STEP:.1e}".replace("e-0", "e-") in page


@pytest.mark.parametrize("name", NAMES)
def test_its_first_samples_are_those_of_the_record(name: str, tmp_path) -> None:
    """The whole takes minutes: `isacsim reference NAME` compares it."""
    chosen = references()[name]
    made = isacsim.generate(chosen.scenario, tmp_path / "a.zarr", n_samples=FIRST, workers=0, progress=False)
    found = measure(chosen.scenario, made)
    assert found["digest"] == chosen.first["digest"]
    assert spectra_fault(found["first"], chosen.first) is None
    np.testing.assert_array_equal(made.aj_noisy, made.aj_noiseless)
    if name == "points":
        assert np.isposinf(made.snr_db).all()


@pytest.fixture
def small(monkeypatch, tiny, tmp_path):
    """A reference data set of three samples, in place of the real ones."""
    scenario = tiny(impairments={"noise": False})
    monkeypatch.setattr(reference.Reference, "scenario", property(lambda self: scenario))
    made = isacsim.generate(scenario, tmp_path / "first.zarr", n_samples=3, workers=0, progress=False)
    about = measure(scenario, made)
    one = reference.Reference(
        "tiny", 1, "tiny", "default", 3, about["digest"], about["first"], about["margin"]
    )
    monkeypatch.setattr(reference, "references", lambda: {"tiny": one})
    return one


def test_it_is_made_checked_and_cited(small, tmp_path, monkeypatch) -> None:
    said = CliRunner().invoke(app, ["reference", "tiny", "-o", str(tmp_path / "t.zarr"), "--workers", "0"])
    assert said.exit_code == 0, said.output
    assert small.digest in said.stdout.replace("\n", "")
    assert (tmp_path / "t.zarr" / "REFERENCE.txt").read_text() == small.citation + "\n"
    told = CliRunner().invoke(app, ["reference", "tiny", "--check", str(tmp_path / "t.zarr"), "--json"])
    assert json.loads(told.stdout)["sha256"] == small.digest
    rows = json.loads(CliRunner().invoke(app, ["reference", "--json"]).stdout)["data_sets"]
    assert rows[0]["name"] == "isacsim-tiny" and rows[0]["licence"] == "Apache-2.0"
    for changed, told in (
        (replace(small, samples=4), "has 3 samples, isacsim-tiny version 1 has 4"),
        (replace(small, digest="0" * 64), "its truth differs"),
        (
            replace(small, first=small.first | {"aj_clean": {"sum": [1.0] * 3, "max": [1.0] * 3}}),
            "aj_clean of the first samples differs in its sum",
        ),
    ):
        monkeypatch.setattr(reference, "references", lambda changed=changed: {"tiny": changed})
        with pytest.raises(InputError, match=told):
            check_reference("tiny", tmp_path / "t.zarr")


def test_the_digest_survives_rounding_and_nothing_else(small, tiny, tmp_path) -> None:
    opened = isacsim.open_dataset(tmp_path / "first.zarr").load()
    scenario = small.scenario
    rounded = opened.assign({name: opened[name] * (1 + 4e-16) for name in TRUTH})
    assert measure(scenario, rounded)["digest"] == small.digest
    moved = opened.copy(deep=True)
    moved["target_jerk"].values.flat[0] += 2 * STEP
    assert measure(scenario, moved)["digest"] != small.digest
    assert measure(scenario, opened.isel(sample=[1, 0, 2]))["digest"] != small.digest
    assert measure(tiny(), opened)["digest"] != small.digest
    isacsim.generate(tiny(), tmp_path / "noisy.zarr", n_samples=3, workers=0, progress=False)
    with pytest.raises(InputError, match="not of the scenario of isacsim-tiny"):
        check_reference("tiny", tmp_path / "noisy.zarr")


def test_refusals(small, tmp_path) -> None:
    with pytest.raises(InputError, match="name must be one of tiny, got 'big'"):
        make_reference("big", tmp_path / "b.zarr")
    for arguments in (["-o", "x"], ["tiny", "-o", "x", "--check", "y"]):
        refused = CliRunner().invoke(app, ["reference", *arguments])
        assert refused.exit_code == 2 and "Traceback" not in refused.output
