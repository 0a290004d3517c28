"""What dira writes is a data set as isacsim generates it: every tool of isacsim, and dira itself, takes it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.io import loadmat
from typer.testing import CliRunner

import dira.cli
import isacsim
import isacsim.cli
from dira.data.stores import load
from isacsim.dataset.inspection import damage
from isacsim.dataset.repair import repair
from isacsim.errors import InputError


def run(app, *arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def done(app, *arguments) -> str:
    result = run(app, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A data set of isacsim, and of dira what was generated and enhanced after it."""
    folder = tmp_path_factory.mktemp("sets")
    scenario = isacsim.load_scenario("lab_siso").model_copy(update={"name": "lab"})
    scenario = scenario.model_copy(
        update={
            "radio": scenario.radio.model_copy(update={"subcarriers": 8, "packets": 128}),
            "spectrum": scenario.spectrum.model_copy(update={"bins_acceleration": 16, "bins_jerk": 16}),
        }
    )
    small = {"steps": 1, "batch_size": 4, "device": "cpu"}
    _generated(scenario, folder / "lab.zarr")
    samples = load(folder / "lab.zarr", "aj_noisy", split="train")
    labels = {"n_targets": samples["n_targets"].values, "scenario": ["lab"] * samples.sizes["sample"]}
    unet = {"blocks": (8,)}
    generator = dira.ConditionalDiffusion(unet=unet).fit(samples["aj_noisy"], labels, **small)
    generator.save_pretrained(folder / "generator")
    dira.Purifier(unet=unet).fit(samples["aj_clean"], **small).save_pretrained(folder / "purifier")
    done(
        dira.cli.app,
        *("expand", "--model", folder / "generator", "--per-class", "3=40,4=30", "--seed", 2, "--steps", 1),
        *("--condition", "scenario=lab", "-o", folder / "generated.zarr"),
    )
    done(
        dira.cli.app,
        *("enhance", folder / "lab.zarr", "--model", folder / "purifier", "--t-star", 1, "--rounds", 1),
        *("-o", folder / "enhanced.zarr"),
    )
    return folder


def _generated(scenario, store: Path) -> None:
    isacsim.generate(
        scenario,
        store,
        per_class={3: 10, 4: 10},
        seed=3,
        splits={"train": 0.6, "test": 0.4},
        workers=0,
    )


KINDS = pytest.mark.parametrize("kind", ["generated", "enhanced"])


@KINDS
def test_it_has_every_variable_of_a_data_set(folder, kind) -> None:
    ours, theirs = (isacsim.open_dataset(folder / f"{name}.zarr") for name in (kind, "lab"))
    for name, variable in theirs.variables.items():
        assert ours[name].dims == variable.dims, name
        assert ours[name].dtype.kind == variable.dtype.kind, name
        assert ours[name].attrs.get("units") == variable.attrs.get("units", ours[name].attrs.get("units")), (
            name
        )
    assert set(ours.domain.values.tolist()) == {kind}
    for axis in ("acceleration", "jerk"):
        np.testing.assert_allclose(ours[axis], theirs[axis])
    assert {"title", "isacsim", "numpy", "made_by", "weights_sha256"} <= set(ours.attrs)
    assert "scenarios" not in ours.attrs  # it cannot be made of scenarios alone


def test_what_nobody_knows_is_nan_and_what_is_known_is_there(folder) -> None:
    made = isacsim.open_dataset(folder / "generated.zarr").load()
    for name in ("aj_noiseless", "aj_clean", "target_acceleration", "target_jerk", "snr_db"):
        assert np.isnan(made[name]).all(), name
    assert made.n_targets.values.tolist() == [3] * 40 + [4] * 30
    assert set(made.scenario.values.tolist()) == {"lab"} and set(made.seed.values.tolist()) == {2}
    assert made["index"].values.tolist() == list(range(70))
    assert set(made.source.values.tolist()) == {f"ConditionalDiffusion {made.attrs['weights_sha256'][:12]}"}
    generator = dira.ConditionalDiffusion.from_pretrained(folder / "generator")
    labels = {"n_targets": made.n_targets.values, "scenario": made.scenario.values.tolist()}
    again = generator.sample(labels, seed=2, sampler="dpm", steps=1)
    np.testing.assert_array_equal(made.aj_noisy, again)


def test_enhancing_changes_nothing_but_the_domain_and_adds_a_spectrum(folder) -> None:
    before, after = (isacsim.open_dataset(folder / f"{name}.zarr").load() for name in ("lab", "enhanced"))
    for name in before.variables:
        if name != "domain":
            xr.testing.assert_identical(before[name], after[name])
    assert set(after) - set(before) == {"aj_enhanced"}
    assert after.aj_enhanced.shape == after.aj_noisy.shape and float(after.aj_enhanced.max()) == 1
    origin = json.loads(after.attrs["enhanced_from"])
    assert origin["store"] == "lab.zarr" and origin["attrs"]["parts"] == before.attrs["parts"]


@KINDS
def test_isacsim_inspects_it(folder, kind) -> None:
    store = folder / f"{kind}.zarr"
    n = isacsim.open_dataset(store).sizes["sample"]
    said = done(isacsim.cli.app, "inspect", store, "--verify", "--picture", folder / f"{kind}.png")
    assert f"{n} of {n} samples are complete" in said and kind in said
    assert damage(store) == [] and (store / "README.md").is_file() and (store / "card.png").is_file()
    assert "n_targets: 3" in done(isacsim.cli.app, "inspect", store, "--sample", 0)
    result = run(isacsim.cli.app, "inspect", store, "--sample", 0, "--regenerate")
    assert result.exit_code == 2 and "only samples of scenarios" in result.stderr
    changed = next(p for p in (store / "aj_noisy" / "c").rglob("*") if p.is_file())
    whole = changed.read_bytes()
    changed.write_bytes(whole[:-9])
    try:
        assert damage(store) != []
    finally:
        changed.write_bytes(whole)


@pytest.mark.filterwarnings("ignore::isacsim.dataset.mixed.mix.MixWarning")  # no generated one is for testing
@KINDS
def test_it_is_mixed_beside_synthetic_samples(folder, kind) -> None:
    mixed = isacsim.mix(folder / "lab.zarr", folder / f"{kind}.zarr", real_fraction=0.5, seed=1).load()
    for split in np.unique(mixed.split.values.tolist()):
        domains = mixed.domain.values[mixed.split.values == split].tolist()
        assert set(domains) <= {"synthetic", kind}
    train = mixed.isel(sample=mixed.split.values == "train")
    taken = [int((train.domain == domain).sum()) for domain in (kind, "synthetic")]
    assert min(taken) > 0 and abs(taken[0] - taken[1]) <= 1
    level = {
        d: float(train.aj_noisy[train.domain.values == d].max(("acceleration", "jerk")).median())
        for d in ("synthetic", kind)
    }
    assert level[kind] == pytest.approx(level["synthetic"], rel=0.5)
    _holds_the_spectra_of(folder / f"{kind}.zarr", train.isel(sample=train.domain.values == kind), kind)
    said = done(
        isacsim.cli.app,
        *("mix", folder / "lab.zarr", folder / f"{kind}.zarr", "--real-fraction", 0.5),
        *("-o", folder / f"mixed-{kind}.zarr"),
    )
    assert "data set" in said and damage(folder / f"mixed-{kind}.zarr") == []
    with pytest.raises(InputError, match=f"holds samples of domain {kind}"):
        isacsim.mix(folder / f"{kind}.zarr", folder / f"{kind}.zarr", real_fraction=0.5, seed=1)


def _holds_the_spectra_of(store: Path, taken, kind: str) -> None:
    """What was generated or enhanced is what a mix holds, not what was there before."""
    variable = {"generated": "aj_noisy", "enhanced": "aj_enhanced"}[kind]
    origin = isacsim.open_dataset(store)[variable].values[taken.origin_sample.values]
    np.testing.assert_allclose(taken.aj_noisy, origin * taken.scale.values[:, None, None], rtol=1e-6)
    assert "aj_enhanced" not in taken


@KINDS
def test_repair_leaves_a_damaged_one_as_readable_as_it_was(folder, kind, tmp_path) -> None:
    store = shutil.copytree(folder / f"{kind}.zarr", tmp_path / "a.zarr")
    chunk = next((store / "aj_noisy" / "c").rglob("0"))
    while chunk.is_dir():
        chunk = next(chunk.iterdir())
    chunk.write_bytes(chunk.read_bytes()[:-3] + b"abc")
    before = (store / "record/digest/c/0/0").read_bytes()
    repaired = repair(store)
    command = {"generated": "dira expand", "enhanced": "dira enhance"}[kind]
    assert repaired.wrong and not repaired.chunks and f"{command} that made it" in repaired.left
    assert (store / "record/digest/c/0/0").read_bytes() == before
    assert isacsim.open_dataset(store).n_targets.values.size > 0
    with pytest.raises(InputError, match=f"{command} that made it, with --overwrite"):
        load(store, "aj_noisy", split="train")


@KINDS
def test_it_is_exported_and_loaded(folder, kind) -> None:
    store = folder / f"{kind}.zarr"
    n = isacsim.open_dataset(store).sizes["sample"]
    for ending in ("nc", "mat", "npz"):
        done(isacsim.cli.app, "export", store, "-o", folder / f"{kind}.{ending}")
    assert loadmat(folder / f"{kind}.mat")["aj_noisy"].shape == (n, 16, 16)
    with xr.open_dataset(folder / f"{kind}.nc", engine="h5netcdf") as read:
        assert set(read.domain.values.tolist()) == {kind}
    inputs = "aj_noisy" if kind == "generated" else "aj_enhanced"
    samples = list(isacsim.to_torch(store, inputs=(inputs,), shuffle=False))
    assert len(samples) == n and samples[0][0].shape == (1, 16, 16) and int(samples[0][1]) == 3


@pytest.mark.parametrize(("kind", "variable"), [("generated", "aj_noisy"), ("enhanced", "aj_enhanced")])
def test_dira_trains_on_it(folder, kind, variable, tmp_path) -> None:
    given = ("train", "counter", folder / f"{kind}.zarr", "-o", tmp_path / "counter", "--variable", variable)
    done(dira.cli.app, *given, "--steps", 1, "--batch-size", 4, "--config", '{"width": 8}', "--device", "cpu")
    done(dira.cli.app, "count", folder / f"{kind}.zarr", "--model", tmp_path / "counter")
    result = run(dira.cli.app, "train", "denoiser", folder / "generated.zarr", "-o", tmp_path / "x")
    assert result.exit_code == 2 and "no spectra 'aj_clean'" in result.stderr


def test_an_earlier_store_of_dira_is_read_by_dira_and_refused_by_isacsim(folder, tmp_path) -> None:
    samples = load(folder / "generated.zarr", "aj_noisy", also=())
    earlier = samples[["aj_noisy", "n_targets", "domain", "split"]].drop_encoding()
    earlier.attrs = {"dira": "0.1"}
    earlier.to_zarr(tmp_path / "earlier.zarr", zarr_format=3, consolidated=False)
    xr.testing.assert_equal(load(tmp_path / "earlier.zarr", "aj_noisy").aj_noisy, samples.aj_noisy)
    with pytest.raises(InputError, match="isacsim did not make"):
        isacsim.open_dataset(tmp_path / "earlier.zarr")


def test_a_data_set_of_isacsim_is_not_overwritten(folder) -> None:
    result = run(
        dira.cli.app,
        *("expand", "--model", folder / "generator", "--per-class", "3=1", "--condition", "scenario=lab"),
        *("-o", folder / "lab.zarr", "--overwrite"),
    )
    assert result.exit_code == 2 and "was not written by dira" in result.stderr
