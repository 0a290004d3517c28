"""Windows and ridges as the data set that `isacsim.track` gives, with what makes a number doubtful beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import speed_of_light

from isacsim import __version__
from isacsim.schema import TRACK, described
from isacsim.tracking.settings import TrackSettings

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Rows", "remarks_on", "track_dataset"]

# Energy at the negative speed over that at the track's own: beyond, which of the two is the target is a guess.
_MOST_IMAGE = 0.25
_FEWEST_JUDGED = 8
_WHY_ALIGNED = ", as aligning few antennas and subcarriers to themselves leaves it"
# Of a walker, signs were right in 0.975 with the mean of a whole recording, 0.71 to 0.77 with that of 1 or 2 s.
_SHORT_STATIC_S = 4.0
_MOST_FASTER = 0.1

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
        told = np.isfinite(rows.index) & np.isfinite(rows.threshold)
        motion = np.where(told, rows.index > rows.threshold, -1).astype(np.int8)
    values: dict[str, NDArray[Any]] = {
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
    made = xr.Dataset(
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
            "isacsim": __version__,
            **attrs,
        },
    )
    if settings.bursts is not None:
        made.attrs["hole_s"] = settings.bursts.hole
    return made.assign_attrs(remarks="\n".join(remarks_on(made)))


def remarks_on(tracks: xr.Dataset) -> list[str]:
    """Say what the numbers do not say of themselves, one sentence each.

    Parameters
    ----------
    tracks : xarray.Dataset
        From `track_dataset`.
    """
    said = []
    attrs, aligned = tracks.attrs, tracks.attrs["reference"] == "self"
    if aligned and attrs.get("static_s", np.inf) < _SHORT_STATIC_S:
        said.append(
            f"the static channel is the mean over {attrs['static_s']:.2g} s only, in which it follows what moves: "
            f"signs may be wrong, and slow motion may be missed (best from {_SHORT_STATIC_S:g} s on)"
        )
    if "hole_s" in attrs:
        alike = speed_of_light / attrs["carrier"] / attrs["hole_s"]
        said.append(
            f"packets come in bursts, {attrs['packet_rate']:.3g}/s on average, with holes of {attrs['hole_s']:.2g} s: "
            f"speeds {alike:.2g} m/s apart look alike"
        )
    if attrs["faster"] > _MOST_FASTER:
        said.append(
            f"in {attrs['faster']:.0%} of the windows what is strongest is faster than max_speed, "
            f"{attrs['max_speed']:.3g} m/s, which neither tracks nor motion count; raise it"
        )
    for n in range(tracks.sizes["track"]):
        velocity, mirror = tracks["velocity"].values[n], tracks["mirror"].values[n]
        fast = np.abs(velocity) > attrs["static_speed"]
        if fast.sum() >= _FEWEST_JUDGED and (share := float(np.median(mirror[fast]))) > _MOST_IMAGE:
            said.append(
                f"the sign of track {n} cannot be trusted: in half of its windows the negative of its speed has over "
                f"{share:.0%} of its energy" + (_WHY_ALIGNED if aligned else "")
            )
    lacking = np.isnan(tracks["motion_index"].values)
    if (np.isnan(tracks["motion_threshold"].values) & ~lacking).any():
        said.append(
            f"at {attrs['packet_rate']:.3g} packets/s walkers alias onto the speeds that noise is taken from: whether "
            "anything moves can be told beside a quiet stretch only (quiet)"
        )
    unknown, count = int(lacking.sum()), tracks.sizes["window"]
    if unknown:
        said.append(f"{unknown} of {count} windows have too few packets or a gap, and say nothing")
    return said
