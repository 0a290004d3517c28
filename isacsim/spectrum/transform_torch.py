"""The transform of :mod:`isacsim.spectrum.transform` by torch, on any device; the one module here with torch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from isacsim.errors import InputError
from isacsim.spectrum.transform import AJTransform

__all__ = ["TorchTransform", "check_device", "on_device"]

# Spectra that go through together; bounds the device's memory to about 100 MB on the default axes.
_TOGETHER = 512


def check_device(name: str) -> torch.device:
    """Find a device that torch can use here.

    Raises
    ------
    InputError
        If torch knows none of that name, or it is not there.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        here = ["cpu", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]
        if torch.backends.mps.is_available():
            here.append("mps")
        raise InputError(
            f"device must be one that torch can use here, {' or '.join(here)}; got {name!r}."
        ) from error
    return device


@dataclass(frozen=True, eq=False)
class TorchTransform(AJTransform):
    """A planned transform whose products are torch's: equal to the planned one's to 1e-4 of the maximum."""

    device: str = "cpu"

    def __call__(self, r: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Magnitude spectra, shape (spectrum, acceleration, jerk), of lag products (spectrum, group, n)."""
        out = np.empty((len(r), *self.shape), np.float32)
        made = self._chirped if self.chirps is not None else self._lagged
        with torch.inference_mode():
            for first in range(0, len(r), _TOGETHER):
                some = torch.from_numpy(np.ascontiguousarray(r[first : first + _TOGETHER])).to(self.device)
                x = torch.view_as_real(some).movedim(-1, 0)  # (re/im, spectrum, group, n)
                if self.weights.size:
                    x = x @ self._tables["weights"]
                x = x * self._tables["window"]
                out[first : first + len(some)] = made(torch.complex(x[0], x[1])).cpu().numpy()
        return out

    @cached_property
    def _tables(self) -> dict[str, torch.Tensor]:
        a_index, a_sign = self.a_fold[1:]
        r_index, r_sign = self.r_fold[1:]
        tables = {
            "weights": self.weights,
            "window": self.window,
            "cosines": self.cosines,
            "sines": self.sines,
            "over_lags": self.over_lags,
            "a_index": a_index,
            "a_sign": a_sign[:, np.newaxis],
            "r_index": r_index,
            "r_sign": r_sign,
        }
        if self.chirps is not None:
            tables["chirps"] = self.chirps
        return {name: torch.from_numpy(np.array(table)).to(self.device) for name, table in tables.items()}

    def _chirped(self, x: torch.Tensor) -> torch.Tensor:
        """All lags: power of the products with chirps, added over groups."""
        sums = x @ self._tables["chirps"]
        return (sums.real**2 + sums.imag**2).sum(1).reshape(-1, *self.shape)

    def _lagged(self, x: torch.Tensor) -> torch.Tensor:
        """Positive lags: sums over t, folded about its middle, then over the lags."""
        tables, n, rates = self._tables, x.shape[-1], int(self.r_fold[1].max()) + 1
        over_time = torch.empty((len(self.starts), 4, len(x), rates), device=self.device)
        for lag, start in enumerate(self.starts.tolist()):
            m = self.first_lag + lag
            count = n - m
            half = (count + 1) // 2
            product = (x[..., m:] * x[..., :count].conj()).sum(1)
            up, down = product[:, count // 2 :], product[:, :half].flip(-1)
            even, odd = up + down, up - down
            if count % 2:  # the middle sample is its own mirror image
                even[:, 0] /= 2
            for row, (part, table) in enumerate(((even, "cosines"), (odd, "sines"))):
                both = torch.view_as_real(part).movedim(-1, 0)
                over_time[lag, 2 * row : 2 * row + 2] = both @ tables[table][
                    start : start + half * rates
                ].view(half, rates)
        sums = (tables["over_lags"] @ over_time.flatten(1)).view(2, -1, 4, len(x), rates)
        cosine, sine = sums[:, tables["a_index"]][..., tables["r_index"]]  # (a, row, spectrum, r)
        flip, sign = tables["r_sign"], tables["a_sign"][:, :, None]
        real = cosine[:, 0] + flip * cosine[:, 3] + sign * (sine[:, 1] - flip * sine[:, 2])
        imag = cosine[:, 1] - flip * cosine[:, 2] - sign * (sine[:, 0] + flip * sine[:, 3])
        return torch.hypot(real, imag).movedim(1, 0)


@lru_cache(maxsize=32)
def on_device(transform: AJTransform, name: str) -> TorchTransform:
    """Put a planned transform on a device; the same arguments give the same object.

    Raises
    ------
    InputError
        If there is no such device.
    """
    tables = {field.name: getattr(transform, field.name) for field in fields(transform)}
    return TorchTransform(**tables, device=str(check_device(name)))
