"""Windows in the encoder's form, the encoder itself, and its pretraining from windows on disk."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import dira
import isacsim
from dira.cli import app
from dira.data.windows import BANDS, PACKETS, PAIRS, joined, reduced, trimmed
from dira.experiment.filling import explained, filled_in
from dira.metrics.probe import linear_probe
from dira.pretraining.csi_windows import CHUNK, StoredWindows, make_windows
from isacsim import InputError

TIME = np.arange(300) / 300.0
FREQUENCY = 5.2e9 + 312.5e3 * np.arange(30)
SMALL = {"width": 16, "depth": 2, "heads": 2, "patch": 32}


def moving(seed: int, pairs: int = 3) -> np.ndarray:
    """A static part of each pair and subcarrier, and one path that moves, weaker."""
    rng = np.random.default_rng(seed)
    static = rng.standard_normal((pairs, 30, 1)) + 1j * rng.standard_normal((pairs, 30, 1)) + 3
    path = 0.2 * np.exp(2j * np.pi * (rng.uniform(5, 30) * TIME + 1e-8 * (FREQUENCY[:, None] - 5.2e9)))
    return static + path * np.exp(2j * np.pi * rng.random((pairs, 1, 1)))


@given(st.integers(0, 1000), st.floats(1e-15, 1e15))
def test_neither_gain_nor_constant_phases_matter(seed, gain):
    csi = moving(seed)
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random((3, 1, 1)))
    a, b = reduced(csi, TIME, FREQUENCY), reduced(gain * phases * csi, TIME, FREQUENCY)
    np.testing.assert_allclose(a.values, b.values, atol=1e-4)
    np.testing.assert_allclose(a.facts, b.facts, atol=1e-5)
    assert a.values.shape == (1, PAIRS, 2, BANDS, PACKETS)
    assert a.there[0, :3].all() and not a.there[0, 3:].any()
    assert np.square(a.values).sum() / a.there.sum() == pytest.approx(1, rel=1e-5)


def test_the_code_is_the_same_without_pairs_and_times_that_no_window_has():
    encoder = dira.Encoder(**SMALL)
    torch.manual_seed(0)
    encoder.network = encoder.build().eval()
    few = joined([reduced(moving(k, 2)[..., :n], TIME[:n], FREQUENCY) for k, n in ((0, 70), (1, 40))])
    cut = trimmed(few, 32)
    assert cut.values.shape == (2, 2, 2, BANDS, 96)
    np.testing.assert_array_equal(cut.values, few.values[:, :2, ..., :96])
    assert cut.there.sum() == few.there.sum()
    whole = [torch.from_numpy(part) for part in few]
    with torch.no_grad():
        told = encoder.network.pooled(*encoder.network(*whole)).numpy()
    np.testing.assert_allclose(encoder.encode_windows(few), told, atol=1e-5)  # sums in another order
    nothing = few._replace(there=np.zeros_like(few.there))
    assert trimmed(nothing, 32).values.shape == few.values.shape


def test_missing_packets_are_gaps_however_they_are_told():
    csi = moving(1)
    lost = np.zeros(300, bool)
    lost[100:130] = lost[200] = True
    told = np.where(lost, np.nan, csi)
    a, b = reduced(told, TIME, FREQUENCY), reduced(csi[..., ~lost], TIME[~lost], FREQUENCY)
    assert np.array_equal(a.there, b.there) and not a.there[0, 0, 0].all()
    np.testing.assert_allclose(a.values, b.values, atol=1e-6)
    dead = csi.copy()
    dead[:, :4] = np.nan  # a whole sub-band, nearly
    assert (
        not reduced(np.where(np.arange(30)[:, None] < 4, np.nan, csi), TIME, FREQUENCY).there[0, 0, 0].any()
    )


def test_many_pairs_and_packets_become_few():
    many = reduced(np.tile(moving(2), (6, 1, 4)), np.arange(1200) / 1200, FREQUENCY)
    assert many.there.all()
    assert many.facts[0, 2] == pytest.approx(np.log2(1 / 256 / 4e-3))


@pytest.mark.parametrize(
    ("csi", "time", "said"),
    [
        (np.ones((2, 5, 300)), TIME, "shape"),
        (np.ones((30, 10)), TIME[:10], "at least 16 packets"),
        (np.full((30, 300), np.nan), TIME, "no finite CSI"),
        (np.ones((30, 300)), TIME[::-1], "ascending"),
        (np.ones((30, 300)), np.where(TIME == 0.5, np.nan, TIME), "ascending"),
    ],
)
def test_what_is_no_window_is_refused(csi, time, said):
    with pytest.raises(InputError, match=said):
        reduced(csi, time, FREQUENCY)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> list[str]:
    """Two quick scenarios: one with a single target, one with none to three."""
    folder, files = tmp_path_factory.mktemp("scenarios"), []
    for name, most in (("one", 1), ("few", 3)):
        scenario = isacsim.load_scenario("default").with_(
            name=name,
            radio={"subcarriers": 8, "packets": 200, "packet_rate_hz": 195},
            targets={"count": {"min": 1 if most == 1 else 0, "max": most}},
        )
        files.append(folder / f"{name}.yaml")
        files[-1].write_text(scenario.to_yaml())
    return [str(file) for file in files]


@pytest.fixture(scope="module")
def stored(small, tmp_path_factory) -> StoredWindows:
    return make_windows(small, tmp_path_factory.mktemp("w"), CHUNK, seed=3, workers=0)


def test_windows_are_stored_once_and_come_back(small, stored, monkeypatch):
    assert len(stored) == CHUNK
    assert stored.labels("scenario").tolist() == [i % 2 for i in range(CHUNK)]
    assert set(stored.labels("n_targets")[::2]) == {1}
    assert set(stored.labels("n_targets")[1::2]) == {0, 1, 2, 3}
    one = stored.windows(np.array([5]))
    absent = ~np.broadcast_to(one.there[:, :, None], one.values.shape)
    assert one.there.any() and np.isfinite(one.values).all() and not one.values[absent].any()
    monkeypatch.setattr("dira.pretraining.csi_windows._make_chunk", lambda *_: pytest.fail("made again"))
    again = make_windows(small, stored.folder, CHUNK, seed=3, workers=0)
    assert again.identity() == stored.identity()
    with pytest.raises(InputError, match="another seed"):
        make_windows(small, stored.folder, CHUNK, seed=4, workers=0)


@pytest.mark.parametrize(
    ("name", "content"),
    [("000000.npz", b"PK"), ("000000.values.npy", b"\x93NUMPY"), ("000000.values.npy", None)],
)
def test_a_damaged_chunk_is_named_and_made_again(small, stored, tmp_path, name, content):
    folder = shutil.copytree(stored.folder, tmp_path / "w")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=r"000000.npz: this chunk of windows is damaged .*; delete it"):
        StoredWindows(folder).windows(np.arange(3))
    (folder / "000000.npz").unlink()
    again = make_windows(small, folder, CHUNK, seed=3, workers=0).windows(np.arange(3))
    assert np.array_equal(again.values, stored.windows(np.arange(3)).values)


def test_as_many_windows_are_taken_as_are_asked_for(small, stored, tmp_path):
    folder = shutil.copytree(stored.folder, tmp_path / "w")
    for name in ("npz", "values.npy"):  # a chunk of a longer run
        shutil.copy(folder / f"000000.{name}", folder / f"000001.{name}")
    assert len(StoredWindows(folder)) == 2 * CHUNK
    assert make_windows(small, folder, CHUNK, seed=3, workers=0).identity() == stored.identity()


def test_no_window_comes_twice_in_an_epoch(stored):
    batches = stored.batches(32, 0)
    facts = np.concatenate([next(batches)[2].numpy() for _ in range(CHUNK // 32)])
    assert len(np.unique(facts[:, -1])) > 0.99 * CHUNK
    late = next(stored.batches(32, 3))[0]
    early = [batch[0] for batch, _ in zip(stored.batches(32, 0), range(4), strict=False)]
    assert torch.equal(late, early[3])


@pytest.fixture(scope="module")
def encoder(stored) -> dira.Encoder:
    return dira.Encoder(**SMALL).pretrain(stored, steps=60, batch_size=16, device="cpu", seed=1)


def test_what_is_hidden_cannot_be_seen(encoder, stored):
    windows = stored.windows(np.arange(2))
    values, there, facts = (torch.from_numpy(part) for part in windows)
    hidden = torch.zeros(2, PAIRS, PACKETS // 32, dtype=torch.bool)
    hidden[:, 0, 2] = True
    other = values.clone()
    other[:, 0, :, :, 64:96] = 9.0
    with torch.no_grad():
        a, b = (encoder.network(v, there, facts, hidden)[0] for v in (values, other))
        c = encoder.network(other, there, facts)[0]
    assert torch.equal(a, b) and not torch.allclose(a, c)


def test_absent_pairs_do_not_matter(encoder):
    one = reduced(moving(5, pairs=1), TIME, FREQUENCY)
    garbage = one.values.copy()
    garbage[:, 1:] = 7.0
    np.testing.assert_allclose(
        encoder.encode_windows(one), encoder.encode_windows(one._replace(values=garbage)), atol=1e-5
    )


@pytest.mark.parametrize("cycles", [-5, 3, 9])
def test_a_patch_is_filled_in_with_the_spectrum_around_it(cycles):
    """A tone is a line, noise of unit variance is flat at 0 dB; phases, losses and sub-bands do not matter."""
    network = dira.Encoder(**SMALL).build()
    t = np.arange(PACKETS)
    tone = np.exp(2j * np.pi * (cycles * t / 64 + np.linspace(0, 1, BANDS)[:, None]))
    tone = torch.from_numpy(np.stack([tone.real, tone.imag])[None, None].astype(np.float32))
    there = torch.ones(1, 1, BANDS, PACKETS, dtype=torch.bool)
    spectra = network.spectra(tone, there)
    assert spectra.shape == (1, 1, PACKETS // 32, 64)
    middle = spectra[0, 0, 1:-1]
    assert (middle.argmax(dim=-1) == cycles % 64).all()
    # A tone's power over that of noise of unit variance: (sum of the window)² over the sum of its squares.
    window = np.hanning(65)[:-1]
    highest = np.log10(window.sum() ** 2 / np.square(window).sum() + 0.01)
    np.testing.assert_allclose(middle.amax(dim=-1), highest, atol=1e-4)
    turned = torch.stack([-tone[:, :, 1], tone[:, :, 0]], dim=2)
    np.testing.assert_allclose(network.spectra(turned, there), spectra, atol=1e-4)
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 0.5**0.5, (1, 1, 2, BANDS, PACKETS)))
    lost = there.clone()
    lost[..., ::3] = False
    for known in (there, lost):
        assert 10 ** network.spectra(noise * known[:, :, None], known).double().mean() == pytest.approx(
            1, abs=0.15
        )


def test_a_short_training_tells_a_part_of_hidden_spectra(stored):
    trained = dira.Encoder(**SMALL, contrast=0).pretrain(
        stored, steps=150, batch_size=16, learning_rate=3e-3, warmup=10, device="cpu"
    )
    by_encoder, _ = explained(trained, stored.windows(np.arange(64)), seed=0)
    assert 0.05 < by_encoder < 1


def test_a_saved_encoder_encodes_the_same(encoder, tmp_path):
    capture = isacsim.simulate("intel5300", seed=4)
    code = encoder.encode(capture)
    assert code.dims == ("window", "feature") and code.sizes["feature"] == 16
    encoder.save_pretrained(tmp_path / "e")
    again = dira.Encoder.from_pretrained(tmp_path / "e")
    np.testing.assert_array_equal(again.encode(capture).values, code.values)
    assert again.history["steps"] == 60
    (tmp_path / "e" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        dira.Encoder.from_pretrained(tmp_path / "e")
    earlier = tmp_path / "earlier"
    encoder.save_pretrained(earlier)
    about = json.loads((earlier / "config.json").read_text())
    del about["config"]["target"]
    (earlier / "config.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="an earlier version of Encoder; train a new one"):
        dira.Encoder.from_pretrained(earlier)
    with pytest.raises(InputError, match="holds no model"):
        dira.Encoder.from_pretrained(tmp_path)
    with pytest.raises(InputError, match="not trained"):
        dira.Encoder().encode(capture)
    with pytest.raises(InputError, match="heads must divide width"):
        dira.Encoder(width=16, heads=3)


def test_a_probe_reads_what_is_linear_and_no_more():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((400, 8)), rng.integers(0, 3, 400)
    chance = linear_probe(x[:200], y[:200], x[200:], y[200:])
    assert chance.accuracy < 0.5
    x[:, 0] += 4 * (y == 1)
    x[:, 1] += 4 * (y == 2)
    found = linear_probe(x[:200], y[:200], x[200:], y[200:])
    assert found.accuracy > 0.9 and found.macro_f1 > 0.9 and found.mean_absolute_error < 0.2
    with pytest.raises(InputError, match="two classes"):
        linear_probe(x, np.zeros(400), x, y)


def test_the_command_goes_on_and_says_what_it_made(small, tmp_path):
    def run(*scenarios: str, to: str = "e") -> tuple[int, str]:
        args = ["pretrain", "-o", str(tmp_path / to), "--scenarios", ",".join(scenarios), "--windows", "512"]
        args += ["--workers", "0", "--steps", "2", "--batch-size", "8", "--width", "40", "--device", "cpu"]
        got = CliRunner().invoke(app, args)
        return got.exit_code, " ".join(got.output.split())

    # Bad settings are refused before anything is simulated.
    for wrong, why in (("--width", "64"), "heads must divide width"), (("--device", "tpu"), "device must be"):
        args = ["pretrain", "-o", str(tmp_path / "e"), "--scenarios", small[0], *wrong]
        got = CliRunner().invoke(app, args)
        assert got.exit_code == 2 and why in " ".join(got.output.split())
        assert not (tmp_path / "e-work").exists()
    code, said = run(*small)
    assert code == 0 and "a linear probe of the code counts" in said, said
    assert dira.Encoder.from_pretrained(tmp_path / "e").history["windows"] == 512
    code, said = run(*small)
    assert code == 2 and "holds a model already" in said
    code, said = run(small[0], to="one")
    assert code == 0 and "all windows have one number of targets" in said
    assert (tmp_path / "e-work" / "windows" / "000001.npz").exists()


@pytest.mark.parametrize("packets", [40, 128, 256])
def test_every_packet_of_a_steady_rate_has_a_time_of_its_own(packets):
    rng = np.random.default_rng(packets)
    time = 7.3 + (np.arange(packets) + 0.2 * rng.uniform(-1, 1, packets)) / 123.0
    window = reduced(rng.standard_normal((2, 8, packets)) + 1j, time, 5e9 + 312.5e3 * np.arange(8))
    assert window.there[0, :2, :, :packets].all()


def test_shares_explained_are_those_of_loops(encoder, stored):
    windows = stored.windows(np.arange(5))
    hidden, filled, true = (part.numpy() for part in filled_in(encoder, windows, seed=4))
    known, _ = encoder.network.present(torch.from_numpy(windows.there))
    places = list(zip(*np.nonzero(hidden), strict=True))
    mean = np.mean([true[place] for place in places], axis=0)
    spread = sum(np.square(true[place] - mean).sum() for place in places)
    wrong = [0.0, 0.0]
    for place in places:
        seen = known[place[0]].numpy() & ~hidden[place[0]]
        wrong[0] += np.square(filled[place] - true[place]).sum()
        wrong[1] += np.square(true[place[0]][seen].mean(axis=0) - true[place]).sum()
    wanted = [1 - part / spread for part in wrong]
    assert explained(encoder, windows, seed=4) == pytest.approx(wanted, rel=1e-4, abs=1e-4)
