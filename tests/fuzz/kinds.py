"""The kinds of input that are damaged: scenarios, stores, models and checkpoints here, captures beside."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

import isacsim
from isacsim.errors import InputError
from isacsim.scenario.catalogue import list_scenarios
from tests.fuzz.captures import Captures, NetCdf, Recordings
from tests.fuzz.kind import Garbage, Kind

__all__ = ["KINDS"]


class Scenarios(Kind):
    """YAML files; what loads and is small is simulated."""

    text = (".yaml",)

    def prepare(self) -> dict[str, bytes]:
        """Shipped ones, with few packets and subcarriers."""
        small = {"subcarriers": 8, "packets": 256, "packet_rate_hz": 250.0}
        out = {}
        for name in list_scenarios():
            scenario = isacsim.load_scenario(name)
            if scenario.environment.kind.startswith("sionna"):
                continue
            content = scenario.model_dump(exclude_none=True)
            content["radio"] |= (
                small if not isinstance(scenario.radio.subcarriers, tuple) else {"packets": 64}
            )
            content["spectrum"] |= {"bins_acceleration": 8, "bins_jerk": 8}
            try:
                out[f"{name}.yaml"] = isacsim.Scenario.model_validate(content).to_yaml().encode()
            except ValidationError:
                out[f"{name}.yaml"] = scenario.to_yaml().encode()
        return out

    def use(self, name: str, content: bytes, turn: int) -> None:
        """Load and simulate."""
        path = self.folder / name
        path.write_bytes(content)
        scenario = isacsim.load_scenario(path)
        radio = scenario.radio
        if radio.n_subcarriers * radio.packets * len(radio.receivers) > 2**17:
            return
        if scenario.environment.kind.startswith("sionna"):
            return
        capture = isacsim.simulate(scenario, seed=turn)
        for variable in ("csi", "csi_noiseless", "path_length", "velocity", "time"):
            if not np.isfinite(capture[variable].values).all():
                raise Garbage(f"{variable} of the simulation is not finite")


class Stores(Kind):
    """One file of a data set; what is wrong with it is told, or nothing is."""

    text = (".json", ".md")

    def prepare(self) -> dict[str, bytes]:
        """A store of six samples, three chunks."""
        from isacsim.dataset.store.store import create_store, write_chunk
        from isacsim.dataset.synthetic.plan import make_plan, samples_of, template_of

        content = isacsim.load_scenario("default").model_dump(exclude_none=True)
        content["radio"] |= {"subcarriers": 8, "packets": 256, "packet_rate_hz": 250.0}
        content["spectrum"] |= {"bins_acceleration": 8, "bins_jerk": 8}
        plan = make_plan([isacsim.Scenario.model_validate(content)], 6, 0, None, None, False, None)
        self.store = self.folder / "data.zarr"
        record = create_store(self.store, template_of(plan), 6, chunk=2, attrs=plan.attrs())
        for number in range(3):
            write_chunk(record, number, samples_of(plan, *record.bounds(number)))
        self.values = isacsim.open_dataset(self.store).load()
        files = (path for path in sorted(self.store.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.store)): path.read_bytes() for path in files}

    def use(self, name: str, content: bytes, turn: int) -> None:
        """Verify, open and read; now and then look at a sample as `inspect` does."""
        from isacsim.dataset.inspection import damage, sample_of
        from isacsim.dataset.store.opening import open_record
        from isacsim.dataset.store.soundness import readable

        path = self.store / name
        path.write_bytes(content)
        try:
            found = damage(self.store)
            record = open_record(self.store)
            if turn % 4 == 0:
                sample_of(record, turn % 6)
            if found:
                if not all(map(str.strip, found)):
                    raise Garbage("a fault without a word")
                raise InputError(found[0])
            with readable(self.store):
                dataset = isacsim.open_dataset(self.store, incomplete=True).load()
            if dataset.sizes["sample"] == 6:
                for variable in self.values.variables:
                    if not self.values[variable].equals(dataset[variable]):
                        raise Garbage(f"{variable} is another, and nothing was found")
        finally:
            path.write_bytes(self.sound[name])


class Models(Kind):
    """A model's configuration and weights; half of them signed anew, as somebody would who means it."""

    text = (".json",)

    def prepare(self) -> dict[str, bytes]:
        """Two small models."""
        import dira

        spectra = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
        self.spectra, self.kinds = spectra, {}
        models = {
            "counter": dira.TargetCounter(width=8).fit(spectra, [3, 4] * 4, steps=1, batch_size=4),
            "diffusion": dira.ConditionalDiffusion(unet={"blocks": (8, 16)}).fit(
                spectra, [3, 4] * 4, steps=1, batch_size=4
            ),
        }
        for name, model in models.items():
            model.save_pretrained(self.folder / name)
            self.kinds[name] = type(model)
        files = (
            self.folder / name / file for name in models for file in ("config.json", "model.safetensors")
        )
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def use(self, name: str, content: bytes, turn: int) -> None:
        """Load and use."""
        path = self.folder / name
        path.write_bytes(content)
        config = path.parent / "config.json"
        try:
            if turn % 2:
                _without(config, "sha256")
            kind = path.parent.name
            model = self.kinds[kind].from_pretrained(path.parent)
            made = (
                model.predict_proba(self.spectra) if kind == "counter" else next(model.network.parameters())
            )
            if kind == "counter" and not np.isfinite(np.asarray(made)).all():
                raise Garbage("probabilities are not finite")
        finally:
            for file in ("config.json", "model.safetensors"):
                (path.parent / file).write_bytes(self.sound[f"{path.parent.name}/{file}"])


class Checkpoints(Kind):
    """A file of a training's newest checkpoint; what is resumed has the same bits, or it is not."""

    text = (".json",)

    def prepare(self) -> dict[str, bytes]:
        """Two steps of a small training."""
        self.spectra = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
        self.expected = self.train(2)
        self.last = self.folder / "step-00000002"
        return {path.name: path.read_bytes() for path in sorted(self.last.iterdir())}

    def train(self, steps: int) -> str:
        """Train, and give the digest of the weights."""
        import dira

        model = dira.TargetCounter(width=8)
        model.fit(self.spectra, [3, 4] * 4, steps=steps, batch_size=4, checkpoints=self.folder, every=1)
        weights = model.network.state_dict().values()
        return hashlib.sha256(b"".join(value.numpy().tobytes() for value in weights)).hexdigest()

    def use(self, name: str, content: bytes, turn: int) -> None:
        """Go on from it."""
        self.last.mkdir(exist_ok=True)
        path = self.last / name
        path.write_bytes(content)
        try:
            if self.train(2) != self.expected:
                raise Garbage("resumed to other weights")
        finally:
            for other in self.folder.glob("step-*"):
                if other != self.last:
                    shutil.rmtree(other)
            for file, sound in self.sound.items():
                (self.last / file).write_bytes(sound)


def _without(path: Path, name: str) -> None:
    try:
        content = json.loads(path.read_bytes())
        del content[name]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    path.write_text(json.dumps(content))


KINDS: dict[str, Callable[[Path], Kind]] = {
    "scenarios": Scenarios,
    "captures": Captures,
    "netcdf": NetCdf,
    "stores": Stores,
    "configs": Models,
    "checkpoints": Checkpoints,
}
if Recordings.folder_of_captures().is_dir():
    KINDS["recordings"] = Recordings
