"""A capture as consecutive windows, each conditioned: uniform in time for spectra, or at the packets' own times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isacsim.conditioning.conditioning import Gain, Reference
from isacsim.conditioning.cutting import CaptureWindow, WindowCutter
from isacsim.conditioning.pace import Pace
from isacsim.spectrum.grid import BINS

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Windows", "capture_windows", "common_axes"]


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of a capture that could be used."""

    used: list[CaptureWindow]
    skipped: list[str]
    """One sentence for each window that could not."""
    remaining: int
    """Further windows that the capture has room for, beyond the limit asked for."""
    pace: Pace
    """Packet rate and its regularity."""
    window_s: float
    """Length asked for, or settled on, in s."""
    hop_s: float
    """From one window's start to the next one's, s."""
    reference: Reference
    pair: tuple[int, int] | None
    """Surveillance and reference receiver by position, if they were chosen by coherence or given."""

    @property
    def packet_rate(self) -> float:
        """Packets per second (`isacsim.conditioning.pace`)."""
        return 1 / self.pace.interval

    @property
    def conditioning(self) -> str:
        """Record of what was done to the CSI."""
        return str(self.used[0].csi.attrs["conditioning"])


def capture_windows(
    capture: xr.Dataset,
    *,
    window_s: float | None = None,
    hop_s: float | None = None,
    start_s: float = 0.0,
    max_windows: int | None = None,
    reference: Reference = "auto",
    pair: tuple[int, int] | None = None,
    gain: Gain = "auto",
    uniform: bool = True,
) -> Windows:
    """Cut a capture into consecutive windows and condition each.

    Parameters
    ----------
    capture : xarray.Dataset
        Simulated or read from a file.
    window_s : float, optional
        Length of a window in s; default: a simulated capture's own, else 1.024, or more where that holds too few
        packets or packets come in bursts; at most all there is.
    hop_s : float, optional
        From one window's start to the next one's in s; default: ``window_s``.
    start_s : float
        Start of the first window in s after the first packet.
    max_windows : int, optional
        At most so many.
    reference, pair, gain
        As for :func:`isacsim.conditioning.condition`. A pair that nobody names is chosen once, over the whole capture.
    uniform : bool
        Bring each window onto a uniform grid. False: packets stay at their own times.

    Returns
    -------
    Windows
        Uniform windows with gaps of over a tenth of their length, or with over half of their packets missing, are
        skipped. At their own times packets may be missing as they like, if eight are left.

    Raises
    ------
    InputError
        If the packet rate gives a window too few packets (says how many), or no window can be used.
    """
    cut = WindowCutter.of(
        capture,
        window_s=window_s,
        hop_s=hop_s,
        start_s=start_s,
        max_windows=max_windows,
        reference=reference,
        pair=pair,
        gain=gain,
        uniform=uniform,
    )
    used: list[CaptureWindow] = []
    skipped: list[str] = []
    for one in cut:
        if isinstance(one, CaptureWindow):
            used.append(one)
        else:
            skipped.append(one)
    remaining = cut.room - len(used) - len(skipped)
    return Windows(used, skipped, remaining, cut.pace, cut.window_s, cut.hop_s, reference, cut.pair)


def common_axes(
    windows: list[CaptureWindow], *, lag_ratio: float = 0.089, bins: int = BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Default axes that every window's packet rate allows: those of the slowest.

    Raises
    ------
    InputError
        As :meth:`isacsim.spectrum.grid.WindowResolution.allowed`.
    """
    return min((w.grid(lag_ratio).allowed(bins) for w in windows), key=lambda axes: float(axes[0][-1]))
