"""Classes of CSI windows from few labels: probe, low-rank adapters, all weights, from scratch."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

import dira
from dira.data.windows import Windows, joined, reduced
from isacsim import InputError

TIME = np.arange(256) / 256.0
FREQUENCY = 5.2e9 + 312.5e3 * np.arange(16)


def moving(n: int, seed: int) -> tuple[Windows, np.ndarray]:
    """Windows in which something moves slowly, or fast."""
    rng = np.random.default_rng(seed)
    fast = rng.integers(0, 2, n)
    made = []
    for one in fast:
        doppler = rng.uniform(30, 45) if one else rng.uniform(4, 12)
        csi = 3 + 0.3 * np.exp(2j * np.pi * (doppler * TIME + rng.random())) * np.ones((2, 16, 1))
        noise = rng.standard_normal((2, 2, 16, 256)) * 0.1
        made.append(reduced(csi + noise[0] + 1j * noise[1], TIME, FREQUENCY))
    return joined(made), np.where(fast, "fast", "slow")


@pytest.fixture(scope="module")
def encoder() -> dira.Encoder:
    windows, _ = moving(96, 0)
    small = dira.Encoder(width=32, depth=2, heads=2)
    data = [torch.from_numpy(part) for part in windows]
    return small.pretrain(
        data, steps=40, batch_size=16, learning_rate=2e-3, warmup=5, device="cpu", threads=1
    )


@pytest.mark.parametrize(
    ("method", "most"), [("probe", 0.01), ("lora", 0.2), ("full", 1.0), ("scratch", 1.0)]
)
def test_every_method_tells_fast_from_slow(encoder, method, most):
    before = {k: v.clone() for k, v in encoder.network.state_dict().items()}
    made = dira.WindowClassifier(encoder, method=method, rank=2)
    made.fit(*moving(48, 1), steps=120, learning_rate=5e-3, batch_size=16, device="cpu")
    windows, labels = moving(64, 2)
    assert (made.predict(windows) == labels).mean() > 0.85
    assert 0 < made.trained_share <= most
    np.testing.assert_allclose(made.predict_proba(windows).sum(axis=1), 1)
    assert all(torch.equal(before[k], v) for k, v in encoder.network.state_dict().items())


def test_adapters_speak_in_evaluation_and_leave_the_weights(encoder):
    """What torch's own transformer layer would get wrong: its fast path reads weights past the adapters."""
    made = dira.WindowClassifier(encoder, method="lora", rank=2)
    made.fit(*moving(16, 3), steps=15, learning_rate=2e-2, device="cpu")
    inner, windows = made.network.network, [torch.from_numpy(part) for part in moving(4, 4)[0]]
    base = {
        name.replace(".base_layer", ""): v for name, v in inner.state_dict().items() if "lora_" not in name
    }
    assert all(torch.equal(base[k], v) for k, v in encoder.network.state_dict().items())
    with torch.no_grad():
        tuned, plain = inner.eval()(*windows)[0], encoder.network.eval()(*windows)[0]
    assert not torch.allclose(tuned, plain, atol=1e-3)


def test_refusals(encoder, monkeypatch):
    windows, labels = moving(6, 5)
    with pytest.raises(InputError, match="one for each of the 6 windows, got 5"):
        dira.WindowClassifier(encoder).fit(windows, labels[:5])
    for wrong in (3, np.zeros((6, 2))):
        with pytest.raises(InputError, match="one for each of the 6 windows, got shape"):
            dira.WindowClassifier(encoder).fit(windows, wrong)
    none = type(windows)(*(part[:0] for part in windows))
    probe = dira.WindowClassifier(encoder, method="probe").fit(windows, labels, steps=1, device="cpu")
    for encode in (probe.predict, encoder.encode_windows):
        with pytest.raises(InputError, match="at least one window"):
            encode(none)
    with pytest.raises(InputError, match="at least two classes"):
        dira.WindowClassifier(encoder).fit(windows, ["slow"] * 6)
    with pytest.raises(InputError, match="not trained"):
        dira.WindowClassifier(encoder).predict(windows)
    with pytest.raises(InputError, match="encoder that is trained"):
        dira.WindowClassifier(dira.Encoder())
    with pytest.raises(InputError, match="method"):
        dira.WindowClassifier(encoder, method="half")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(InputError, match=r"needs peft.*isacsim\[tuning\]"):
        dira.WindowClassifier(encoder, method="lora").fit(windows, labels, steps=1)
