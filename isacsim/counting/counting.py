"""Count of the moving targets in each window of a capture: the single entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from isacsim.checks import check_choice, check_integer, check_number
from isacsim.conditioning.conditioning import Gain, Reference
from isacsim.counting.counters import Counter, registered_counter
from isacsim.errors import InputError
from isacsim.schema import COUNT, described

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CANNOT_TELL", "Targets", "count_targets", "count_windows"]

Array = NDArray[np.float64]

Targets = Literal["auto", "points", "bodies"]
CANNOT_TELL = -1
"""Count of a window that the counter cannot tell."""

_MAX_SECONDS = 20.0
# Numbers up to ``max_targets`` that are this unlikely together are not shared out among.
_LEAST_LIKELY = 0.05


@dataclass(frozen=True, eq=False)
class _Answer:
    """Result of one window."""

    probability: Array | None
    """Probability of 0 to ``max_targets`` targets; None: cannot tell."""
    kind: str = ""
    bodies: float = float("nan")
    reason: str = ""
    at_least: int = 0
    """Where it cannot tell."""


def count_targets(
    capture: xr.Dataset | xr.DataArray,
    *,
    method: str = "auto",
    max_targets: int = 12,
    targets: Targets = "auto",
    max_components: int = 60,
    receiver: int = 0,
    window_s: float | None = None,
    hop_s: float | None = None,
    start_s: float = 0.0,
    max_windows: int | None = None,
    reference: Reference = "auto",
    pair: tuple[int, int] | None = None,
    gain: Gain = "auto",
) -> xr.Dataset:
    """Count the moving targets in each window of a capture.

    Parameters
    ----------
    capture : xarray.Dataset or xarray.DataArray
        A capture, or the conditioned CSI (subcarrier, packet) of one window, static part included, with coordinates
        ``time`` in s and ``frequency`` in Hz.
    method : str
        "auto" counts by models, points or bodies as ``targets`` says. Else it is the name of a counter that another
        package registers (entry points of group ``isacsim.counters``, :mod:`isacsim.counting.counters`).
    max_targets : int
        Largest possible count: a known limit helps.
    targets : {"auto", "points", "bodies"}
        Points are counted by their paths (:func:`isacsim.estimation.modes.algorithm.modes`); people, whose limbs are
        paths too, by a rule learned from simulated walkers. "auto" first decides by another learned rule whether
        bodies move.
    max_components : int
        Largest number of components that are searched for points, in at most about 20 s a window. Images and parts
        count too. If all are found, there may be more.
    receiver : int
        Index among the analysed receivers of a capture. For an array whose pairs are aligned together
        (``reference="array"``) points are counted from all pairs, bodies from this one.
    window_s, hop_s, start_s, max_windows, reference, pair, gain
        Settings by which a capture is cut and conditioned, as for
        :func:`isacsim.conditioning.windows.capture_windows`.

    Returns
    -------
    xarray.Dataset
        Variables over ``window``. ``count`` is the likeliest count, -1 for "cannot tell". ``probability`` (window, n)
        is that of each n from 0 to ``max_targets``, NaN where it cannot tell. ``at_least`` is the count, or a lower
        limit where it cannot tell. ``kind`` names what was counted (points or bodies). ``bodies`` is the probability
        that bodies move, not points. ``reason`` explains "cannot tell". Coordinates are ``time``, the window's centre
        in s, and ``n``.

        The probabilities hold for captures like the simulated ones that the rules were learned from, with each count
        equally likely. docs/counting.md says when to believe them.

    Raises
    ------
    InputError
        If the capture does not fit, an argument is out of range, or no counter of that name is registered.
    """
    given = {"window_s": window_s, "hop_s": hop_s, "max_windows": max_windows, "pair": pair}
    options: dict[str, Any] = {
        "method": method,
        "max_targets": max_targets,
        "targets": targets,
        "max_components": max_components,
    }
    import xarray as xr

    if not isinstance(capture, xr.Dataset):
        csi = _one_window(capture)
        wrong = [name for name, value in given.items() if value is not None]
        if wrong or start_s or receiver or reference != "auto" or gain != "auto":
            name = (wrong or ["start_s, receiver, reference and gain"])[0]
            raise InputError(
                f"{name} applies to a whole capture only; conditioned CSI is one window of one receiver."
            )
        return count_windows([csi], **options)
    from isacsim.conditioning.pairs import pairs_together
    from isacsim.conditioning.windows import capture_windows

    windows = capture_windows(
        capture,
        start_s=check_number("start_s", start_s, least=0, unit="s"),
        reference=reference,
        gain=gain,
        uniform=False,
        **given,  # type: ignore[arg-type]  # checked there
    )
    return count_windows([pairs_together(window.csi, receiver) for window in windows.used], **options)


def count_windows(
    windows: Sequence[xr.DataArray],
    *,
    method: str = "auto",
    max_targets: int = 12,
    targets: Targets = "auto",
    max_components: int = 60,
    step: Any = None,
) -> xr.Dataset:
    """Count in windows that are cut and conditioned already.

    Parameters
    ----------
    windows : sequence of xarray.DataArray, complex, dims ([receiver,] subcarrier, packet)
        Packets at their own times; of several receivers, all antenna pairs of one array.
    method, max_targets, targets, max_components
        As for :func:`count_targets`, which says what comes back.
    step : callable, optional
        Called without arguments after each window.
    """
    import xarray as xr

    check_integer("max_targets", max_targets, least=1)
    check_integer("max_components", max_components, least=1)
    check_choice("targets", targets, get_args(Targets))
    counter = None if method == "auto" else registered_counter(method)
    answers = []
    for csi in windows:
        if counter is None:
            answers.append(_by_models(csi, max_targets, targets, max_components))
        else:
            answers.append(_by_counter(counter, method, csi, max_targets))
        if step is not None:
            step()
    table = np.full((len(answers), max_targets + 1), np.nan)
    for row, answer in zip(table, answers, strict=True):
        if answer.probability is not None:
            row[:] = answer.probability
    count = np.array([CANNOT_TELL if a.probability is None else int(a.probability.argmax()) for a in answers])
    values: dict[str, Any] = {
        "count": count,
        "probability": table,
        "at_least": np.where(count == CANNOT_TELL, [a.at_least for a in answers], count),
        "kind": np.array([a.kind for a in answers], dtype=object),
        "bodies": np.array([a.bodies for a in answers]),
        "reason": np.array([a.reason for a in answers], dtype=object),
    }
    centres = [float(csi.coords["time"].values[[0, -1]].mean()) for csi in windows]
    return xr.Dataset(
        {name: described(COUNT, name, value) for name, value in values.items()},
        coords={
            "time": described(COUNT, "time", centres),
            "n": described(COUNT, "n", np.arange(max_targets + 1)),
        },
        attrs={"method": method, "targets": targets, "max_targets": max_targets},
    )


def _one_window(csi: Any) -> xr.DataArray:
    if not hasattr(csi, "coords") or set(getattr(csi, "dims", ())) != {"subcarrier", "packet"}:
        got = ", ".join(map(str, csi.dims)) if hasattr(csi, "dims") else type(csi).__name__
        raise InputError(
            "capture must be a capture (xarray.Dataset) or the conditioned CSI of one receiver (xarray.DataArray over "
            f"subcarrier, packet), got {got}."
        )
    for name in ("time", "frequency"):
        if name not in csi.coords:
            raise InputError(f"capture must have the coordinate {name}.")
    array: xr.DataArray = csi.transpose("subcarrier", "packet")
    return array


def _by_counter(counter: Counter, name: str, csi: xr.DataArray, max_targets: int) -> _Answer:
    try:
        found = counter(csi, max_targets)
    except InputError as error:
        return _Answer(None, reason=str(error).rstrip("."))
    if found is None:
        return _Answer(None, reason=f"{name} cannot tell")
    probability = np.asarray(found, np.float64)
    wrong = ""
    if probability.shape != (max_targets + 1,):
        wrong = f"shape {probability.shape}"
    elif not (probability >= 0).all() or not probability.sum() > 0:
        wrong = f"numbers from {probability.min():g} to {probability.max():g}"
    if wrong:
        raise InputError(
            f"method {name!r} must give {max_targets + 1} probabilities, of 0 to {max_targets} targets, got {wrong}."
        )
    return _Answer(probability / probability.sum())


def _by_models(csi: xr.DataArray, max_targets: int, targets: Targets, max_components: int) -> _Answer:
    from isacsim.counting.bodies import look_for_bodies

    if targets == "points":
        return _points(csi, max_targets, max_components, float("nan"))
    seen = look_for_bodies(csi)
    if targets == "bodies" or seen.share > 0.5:
        return _people(seen.people, max_targets, seen.share, seen.reason)
    if seen.reason:
        why = f"whether points or bodies move is not known ({seen.reason}): set targets to points or bodies"
        return _Answer(None, reason=why)
    return _points(csi, max_targets, max_components, seen.share)


def _points(csi: xr.DataArray, max_targets: int, max_components: int, bodies: float) -> _Answer:
    from isacsim.counting.points import count_points
    from isacsim.counting.rule import point_table

    found = count_points(csi, max_components=max_components, max_seconds=_MAX_SECONDS)
    if found.reason or found.count > max_targets:
        reason = found.reason or f"{found.count} paths move, more than the {max_targets} targets that may be"
        least = min(found.count, max_targets) if found.limit_reached or not found.reason else 0
        return _Answer(None, "points", bodies, reason, least)
    probability = np.zeros(max_targets + 1)
    for more, share in point_table().items():
        if 0 <= found.count + more <= max_targets:
            probability[found.count + more] += share
    return _Answer(probability / probability.sum(), "points", bodies)


def _people(people: Array | None, max_targets: int, bodies: float, reason: str) -> _Answer:
    if people is None:
        return _Answer(None, "bodies", bodies, reason)
    most = people.size - 1
    if max_targets > most and people.argmax() == most:
        return _Answer(
            None, "bodies", bodies, f"the rule for bodies knows up to {most} people: at least {most}", most
        )
    probability = np.zeros(max_targets + 1)
    known = min(most, max_targets)
    probability[: known + 1] = people[: known + 1]
    if probability.sum() < _LEAST_LIKELY:
        reason = f"more people move than the {max_targets} targets that may be"
        return _Answer(None, "bodies", bodies, reason, max_targets)
    return _Answer(probability / probability.sum(), "bodies", bodies)
