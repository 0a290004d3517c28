"""CSI of one moving path or a crowd of them in one second of 80 MHz, its spectrum, and where that peaks."""

from __future__ import annotations

import numpy as np

import isacsim
from isacsim.estimation.peaks import interpolate_peak

CARRIER = 5.805e9
TIME = (np.arange(1024) - 511.5) / 1000
FREQUENCY = CARRIER + np.arange(-16, 16) * 2.5e6
AXES = {"acceleration": np.linspace(-8, 8, 64), "jerk": np.linspace(-40, 40, 64)}


def path(a, r, v=0.5, d0=6.0, phase=0.3, amplitude=1.0, *, time=TIME, frequency=FREQUENCY):
    return isacsim.simulate_paths(
        time,
        frequency,
        path_length=[d0],
        velocity=[v],
        acceleration=[a],
        jerk=[r],
        amplitude=[amplitude],
        phase=[phase],
    )


def crowd(seed, n=5, snr_db=15.0, *, time=TIME, frequency=FREQUENCY):
    rng = np.random.default_rng(seed)
    h = isacsim.simulate_paths(
        time,
        frequency,
        path_length=rng.uniform(3, 15, n),
        velocity=rng.uniform(-3, 3, n),
        acceleration=rng.uniform(-6, 6, n),
        jerk=rng.uniform(-30, 30, n),
        amplitude=np.exp(0.3 * rng.standard_normal(n)),
        phase=rng.uniform(0, 6.28, n),
    )
    noise = rng.standard_normal((2, *h.shape)) * 10 ** (-snr_db / 20) / np.sqrt(2)
    return h + (noise[0] + 1j * noise[1]).astype(np.complex64)


def spectrum(h, *, time=TIME, frequency=FREQUENCY, **kwargs):
    return isacsim.aj_spectrum(h, time=time, frequency=frequency, **kwargs)


def top(p):
    """Interpolated maximum: (acceleration, jerk, height)."""
    values = p.values.astype(float)
    i, j = np.unravel_index(values.argmax(), values.shape)
    found = interpolate_peak(values, p.acceleration.values, p.jerk.values, int(i), int(j))
    return found.acceleration, found.jerk, found.height
