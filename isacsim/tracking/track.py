"""`isacsim.track`: the speeds of what moves over time, and whether anything does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from isacsim.checks import check_number, refusal
from isacsim.compute.threads import on_one_thread
from isacsim.errors import InputError
from isacsim.tracking.linking import goes_beyond, linked
from isacsim.tracking.motion import NoiseSpread, detection_ratio, motion_index, quiet_threshold
from isacsim.tracking.packets import follow
from isacsim.tracking.recording import Recording, check_channels, window_count
from isacsim.tracking.result import Rows, track_dataset
from isacsim.tracking.settings import TrackSettings

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["track"]


def track(
    capture: Any,
    *,
    window_s: float | None = None,
    hop_s: float | None = None,
    max_targets: int = 1,
    max_speed: float | None = None,
    quiet: tuple[float, float] | None = None,
    false_alarm: float = 1e-3,
    reference: str = "auto",
    frequency: ArrayLike | None = None,
    phase_sign: int | None = None,
    done: Callable[[int, int], Any] | None = None,
) -> Any:
    """Track the speed of moving targets through a recording, and detect motion in each window.

    All antennas and subcarriers of a window are aligned at once. The part outside the static channel is transformed
    to Doppler, and Viterbi's algorithm links its ridges over windows (``docs/tracking.md``).

    Parameters
    ----------
    capture : xarray.Dataset, or iterable of (time, csi)
        A recording of any length, in memory or not. Or packets as they come: time in s and complex CSI (receiver,
        subcarrier); several at once are (packet,) and (receiver, subcarrier, packet).
    window_s : float, optional
        Length of the Hann window in s; default 0.25, or what 24 packets take, or 4.5 holes between bursts of packets.
    hop_s : float, optional
        From window to window in s, at most a window; default: a quarter of it.
    max_targets : int
        Tracks to look for. Limbs are targets too where more than one is asked for.
    max_speed : float, optional
        Largest rate of change of the path length, m/s; default: 3, or what the packet rate allows.
    quiet : (float, float), optional
        Seconds after the first packet between which nothing moves. The threshold of the motion index is then taken
        from there, else from the noise at speeds where nothing moves.
    false_alarm : float
        Share of windows without motion whose index passes the threshold.
    reference : {"auto", "self", "none"}
        "self": packets have phase, timing and gain errors to remove; "none": they have none; "auto": a simulated
        capture says so, others have them.
    frequency : array_like, shape (subcarrier,), optional
        Hz, of packets as they come; a capture has it.
    phase_sign : {-1, 1}, optional
        Sign of the CSI's phase; default: the capture's, else -1 (physics).
    done : callable, optional
        Called with the number of windows made and that of all.

    Returns
    -------
    xarray.Dataset, or iterator of such of one window
        Over (track, window), NaN where there is no target: ``velocity`` of the path length in m/s, growing if
        positive, and ``acceleration`` in m/s². Their standard errors are ``std_velocity`` and ``std_acceleration``.
        ``mirror`` is the energy at the negative speed over that at the speed. Over window: ``time`` of its middle,
        ``motion_index``, ``motion_threshold``, ``motion`` (1 yes, 0 no, -1 unknown), ``amplitude_variation``. Over
        (window, path_velocity): ``doppler_energy`` over the noise floor. The attribute ``remarks`` names what is
        doubtful. For packets as they come, ``latency_s`` is the time from a window's end to the answer.

    Raises
    ------
    InputError
        Naming the argument, or what the capture lacks; where ``max_speed`` would alias.

    Examples
    --------
    >>> import isacsim
    >>> capture = isacsim.simulate(isacsim.load_scenario("walker"), seed=1, n_targets=1)
    >>> isacsim.track(capture).velocity.dims
    ('track', 'window')
    """
    TrackSettings.check_reference(reference)
    if quiet is not None:
        quiet = _checked_quiet(quiet)
    asked: dict[str, Any] = {
        "window_s": window_s,
        "hop_s": hop_s,
        "max_targets": max_targets,
        "max_speed": max_speed,
        "false_alarm": false_alarm,
    }
    if hasattr(capture, "data_vars"):
        if frequency is not None:
            raise InputError("frequency is for packets as they come; a capture has its own.")
        return _track_recording(capture, asked, quiet, reference, phase_sign, done)
    if not isinstance(capture, Iterable) or hasattr(capture, "dims"):
        raise InputError(
            "capture must be a whole capture (an xarray.Dataset) or an iterable of (time, csi), got "
            f"{type(capture).__name__}."
        )
    if frequency is None:
        raise InputError("frequency must be given beside packets as they come: subcarriers in Hz.")
    sign = -1 if phase_sign is None else phase_sign
    return follow(capture, frequency, aligned=reference != "none", quiet=quiet, phase_sign=sign, **asked)


def _checked_quiet(quiet: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = quiet
    except (TypeError, ValueError):
        raise refusal("quiet", "two numbers of seconds, start and stop", quiet) from None
    low = check_number("quiet[0]", low, least=0, unit="seconds")
    return low, check_number("quiet[1]", high, above=low, unit="seconds")


@on_one_thread
def _track_recording(
    capture: xr.Dataset,
    asked: dict[str, Any],
    quiet: tuple[float, float] | None,
    reference: str,
    phase_sign: int | None,
    done: Callable[[int, int], Any] | None,
) -> xr.Dataset:
    recording = Recording.of(capture, reference)
    sign = recording.phase_sign if phase_sign is None else phase_sign
    settings = TrackSettings.of(recording.pace, recording.frequency, phase_sign=sign, **asked)
    groups = recording.groups()
    spread = NoiseSpread(
        check_channels(
            recording.csi.sizes["receiver"], recording.frequency.size, groups, aligned=recording.aligned
        )
    )
    count = window_count(recording.time, settings)
    windows = list(recording.windows(settings, groups, lambda n: done(n, count) if done else None))
    for window in windows:
        spread.add(window)
    channels = spread.channels
    motion = np.array([motion_index(w, settings, channels) for w in windows])
    index, threshold = motion.T
    origin = "noise"
    if quiet is not None:
        begin = np.arange(count) * settings.hop_s
        inside = (begin >= quiet[0]) & (begin + settings.window_s <= quiet[1])
        threshold = np.where(np.isfinite(index), quiet_threshold(index[inside].tolist(), settings), np.nan)
        origin = f"quiet stretch {quiet[0]:g} to {quiet[1]:g} s"
    tracks = np.stack(list(linked(windows, settings, channels, image=recording.aligned)), axis=1)
    least = detection_ratio(settings, channels)
    rows = Rows(
        np.array([w.time for w in windows]),
        np.array([w.over_noise for w in windows]),
        np.array([w.variation for w in windows]),
        index,
        threshold,
        *tracks,
    )
    return track_dataset(
        rows,
        settings,
        reference="self" if recording.aligned else "none",
        threshold_from=origin,
        faster=float(np.mean([goes_beyond(w, least) for w in windows])),
        static_s=recording.static_s,
        receiver_groups=len(groups),
    )
