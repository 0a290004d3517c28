"""Windows and ridges as the data set that `isacsim.track` gives, with what makes a number doubtful beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim import __version__
from isacsim.schema import TRACK, described
from isacsim.tracking.settings import TrackSettings

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Rows", "track_dataset"]

# Energy at the negative speed over that at the track's own: beyond, which of the two is the target is a guess.
_MOST_IMAGE = 0.25

Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """All numbers of a data set; shapes are (window,), (track, window) and, of the energy, (window, bin)."""

    time: Real
    energy: Real
    """Over the noise floor."""
    variation: Real
    index: Real
    threshold: Real
    velocity: Real
    std_velocity: Real
    acceleration: Real
    std_acceleration: Real
    mirror: Real


def track_dataset(rows: Rows, settings: TrackSettings, *, reference: str, **attrs: Any) -> xr.Dataset:
    """Put a data set together.

    Parameters
    ----------
    rows : Rows
        What to hold.
    settings : TrackSettings
        How it was made.
    reference : str
        "self" where packets were aligned, else "none".
    **attrs
        Further attributes.
    """
    import xarray as xr

    with np.errstate(invalid="ignore"):
        motion = np.where(np.isfinite(rows.index), rows.index > rows.threshold, -1).astype(np.int8)
    values = {
        "velocity": rows.velocity,
        "std_velocity": rows.std_velocity,
        "acceleration": rows.acceleration,
        "std_acceleration": rows.std_acceleration,
        "mirror": rows.mirror,
        "motion_index": rows.index,
        "motion_threshold": rows.threshold,
        "motion": motion,
        "amplitude_variation": rows.variation,
        "doppler_energy": rows.energy.astype(np.float32),
    }
    return xr.Dataset(
        {name: described(TRACK, name, value) for name, value in values.items()},
        coords={
            "time": described(TRACK, "time", rows.time),
            "path_velocity": described(TRACK, "path_velocity", settings.velocity),
        },
        attrs={
            "window_s": settings.window_s,
            "hop_s": settings.hop_s,
            "max_speed": settings.max_speed,
            "static_speed": settings.static_width,
            "packet_rate": 1 / settings.interval,
            "carrier": settings.carrier,
            "phase_sign": settings.phase_sign,
            "reference": reference,
            "false_alarm": settings.false_alarm,
            **attrs,
            "remarks": "\n".join(_remarks(rows, settings, reference)),
            "isacsim": __version__,
        },
    )


def _remarks(rows: Rows, settings: TrackSettings, reference: str) -> list[str]:
    """What the numbers don't say of themselves."""
    said = []
    for n, (velocity, mirror) in enumerate(zip(rows.velocity, rows.mirror, strict=True)):
        fast = np.abs(velocity) > settings.static_width
        if fast.any() and float(np.median(mirror[fast])) > _MOST_IMAGE:
            why = (
                "a single antenna aligned to itself keeps 0.24 to 0.5 of a path's amplitude there"
                if reference == "self"
                else "something may swing to and fro within a window"
            )
            said.append(
                f"the sign of track {n} can't be trusted: the negative of its speed has "
                f"{float(np.median(mirror[fast])):.0%} of its energy ({why})"
            )
    known = np.isfinite(rows.index)
    if not known.all():
        said.append(
            f"{int((~known).sum())} of {known.size} windows have too few packets or a gap, and say nothing"
        )
    return said
