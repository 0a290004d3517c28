"""
A reference data set and a torch loader
=======================================

This tutorial makes a small data set with noise-free references, looks at it, and trains a network
on pairs of noisy and clean spectra. It needs torch: ``pip install 'isacsim[torch]'``.
"""

# %%
# Making it
# ---------
# Each sample has three spectra. ``aj_noisy`` is what a receiver would give. ``aj_noiseless`` has
# the same paths without noise and hardware errors. ``aj_clean`` has the paths alone, without the
# cross-terms between them: it exists only in a simulation.
#
# Small axes and few subcarriers keep this tutorial short. Without ``workers=0`` samples are made
# by one process a core.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import DataLoader

import isacsim

N_SAMPLES = 480
EPOCHS = 4

scenario = isacsim.load_scenario("default").with_(
    name="small",
    radio={"subcarriers": 16, "packets": 512},
    spectrum={"bins_acceleration": 32, "bins_jerk": 32},
)
store = Path(tempfile.mkdtemp()) / "small.zarr"
dataset = isacsim.generate(
    scenario,
    store,
    n_samples=N_SAMPLES,
    seed=7,
    splits={"train": 0.8, "validation": 0.1, "test": 0.1},
    workers=0,
    progress=False,
)
dataset

# %%
# Sample i depends on the scenario, the seed and i alone. The number of processes and
# interruptions change nothing. The same call goes on where an earlier one was stopped.
#
# A look at it
# ------------
# ``isacsim inspect small.zarr --verify`` recomputes all digests and looks for leaks between
# splits. Here are one sample's spectra.

sample = dataset.isel(sample=3).load()
fig, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained", sharey=True)
for ax, name in zip(axes, ("aj_noisy", "aj_noiseless", "aj_clean"), strict=True):
    (sample[name] / sample[name].max()).pipe(np.power, 0.25).plot(
        ax=ax, x="acceleration", vmin=0, vmax=1, add_colorbar=False
    )
    ax.scatter(
        sample.target_acceleration, sample.target_jerk, facecolors="none", edgecolors="white"
    )
    ax.set_title(name)
plt.show()

# %%
# A loader
# --------
# ``to_torch`` reads the store chunk by chunk and shuffles. Spectra are linear magnitudes; a
# transform brings them to a scale on which weak paths count.


def fourth_root(noisy, clean):
    return (noisy / noisy.max()) ** 0.25, (clean / clean.max()) ** 0.25


def loader(split):
    samples = isacsim.to_torch(
        store, split=split, targets=("aj_clean",), transform=fourth_root, seed=1
    )
    return samples, DataLoader(samples, batch_size=32)


train, batches = loader("train")
noisy, clean = next(iter(batches))
print(tuple(noisy.shape), noisy.dtype)

# %%
# A network
# ---------
# Three convolutions that learn what to take off. This is a demonstration of the loader and no
# good denoiser: ``dira.PairedDenoiser`` is the one to use.

torch.manual_seed(0)
torch.set_num_threads(1)
network = torch.nn.Sequential(
    torch.nn.Conv2d(1, 16, 5, padding=2),
    torch.nn.ReLU(),
    torch.nn.Conv2d(16, 16, 5, padding=2),
    torch.nn.ReLU(),
    torch.nn.Conv2d(16, 1, 5, padding=2),
)
optimizer = torch.optim.Adam(network.parameters(), 3e-3)


def error(split):
    """Mean squared error of the network, and of its input, on a split."""
    with torch.no_grad():
        pairs = [
            (((x - y) ** 2).mean(), ((network(x) - y) ** 2).mean()) for x, y in loader(split)[1]
        ]
    return np.mean(pairs, axis=0)


curve = [error("validation")]
for epoch in range(EPOCHS):
    train.set_epoch(epoch)
    for x, y in batches:
        loss = ((network(x) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    curve.append(error("validation"))
untouched, learned = error("test")
print(f"test split: {learned:.4f} after the network, {untouched:.4f} before")

# %%
# The test split was not used until now.

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.plot([after for _, after in curve], label="after the network")
ax.axhline(curve[0][0], color="gray", ls="--", label="as received")
ax.set(xlabel="epoch", ylabel="mean squared error, validation", ylim=0)
ax.legend()
plt.show()
