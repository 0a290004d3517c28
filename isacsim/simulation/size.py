"""Memory that a scenario takes, estimated from its numbers before anything is computed.

The numbers are upper bounds, and at most some 2.5 times what is taken (`tests/simulation/test_size.py` measures).
"""

from __future__ import annotations

from isacsim.compute.memory import check_memory
from isacsim.scenario.bodies import RigidBody, RotorBody, WalkerBody
from isacsim.scenario.model import Scenario
from isacsim.spectrum.grid import WindowResolution
from isacsim.spectrum.settings import SpectrumSettings
from isacsim.targets.walker import PARTS

__all__ = ["capture_bytes", "check_capture_size", "spectra_bytes"]

# Arrays of the CSI's size that live at once while a capture is simulated. Measured: 2.1 of one antenna, 5.2 of `lab`.
_ARRAYS_ALONE, _ARRAYS = 4, 6
# Rows of float64 over packets that each path takes beside: lengths, delays, derivatives.
_PATH_ROWS = 10
# float64 matrices (R, R) that live at once while the interpolation which reduces R's rate is found.
_SQUARES = 4
# A worker's interpreter, libraries and compiled kernels; measured 0.3 GB, of which half is shared.
_PROCESS = 2**28


def capture_bytes(scenario: Scenario) -> float:
    """Bytes that a capture takes while it is simulated."""
    radio = scenario.radio
    arrays = _ARRAYS_ALONE if len(radio.streams) == 1 else _ARRAYS
    of_csi = 8.0 * radio.n_subcarriers * radio.packets * len(radio.streams) * arrays
    return of_csi + 8.0 * radio.packets * len(radio.receivers) * _most_paths(scenario) * _PATH_ROWS


def _most_paths(scenario: Scenario) -> int:
    """Paths of a capture with most targets; bounces off walls, of which some rooms have a few more, left out."""
    targets = scenario.targets
    points = [_points(target.body) for target in targets.configs(max(targets.counts))]
    return sum(points) + len(scenario.movers)


def _points(body: object) -> int:
    match body:
        case WalkerBody():
            return 1 + len(PARTS)
        case RotorBody():
            return 1 + body.n_rotors * (1 + body.blades)
        case RigidBody():
            return 1 + len(body.points_m)
    return 1


def spectra_bytes(scenario: Scenario, samples: int) -> float:
    """Bytes that the spectra of so many samples take while they are made together, their planning included."""
    # Who only simulates need not load kernels of spectra and scipy.signal, which takes half a second.
    from isacsim.spectrum.plan import n_transforms
    from isacsim.spectrum.transform import decimation_of
    from isacsim.spectrum.transform_kernels import BLOCK

    radio, spectrum = scenario.radio, scenario.spectrum
    frequency = radio.frequency_hz
    antennas = {"antennas": radio.antennas} if spectrum.combine == "resolved" else {}
    settings = SpectrumSettings(**spectrum.settings | antennas)
    grid = WindowResolution(
        radio.packets, 1 / radio.packet_rate_hz, float(frequency.max()), spectrum.lag_ratio
    )
    n, bins = grid.length, float(spectrum.bins_acceleration * spectrum.bins_jerk)
    highest = grid.kappa * grid.reach(spectrum.acceleration_max_m_s2, spectrum.jerk_max_m_s3)
    windowed = spectrum.combine == "resolved" and None not in (settings.window, settings.lag_window)
    decimation = settings.decimation or decimation_of(
        n, grid.interval, highest, grid.kappa, windowed=windowed
    )
    kept, transforms = -(-n // decimation), n_transforms(settings, frequency, grid.packets * grid.interval)
    reducing = _SQUARES * 8.0 * n * n if decimation > 1 else 0.0
    if spectrum.lags == "symmetric":
        # The chirps, complex64, and their phases while they are made.
        tables = 8.0 * bins * kept * transforms + 40.0 * bins * kept
    else:
        # Cosines and sines over half of each lag's times and the distinct |r|, and once more while they are joined.
        tables = kept**2 / 4 * (spectrum.bins_jerk // 2 + 1) * 8.0 * (transforms + 1)
    at_work = 8.0 * BLOCK * (bins + kept * (spectrum.bins_jerk // 2 + 1))
    images = len(radio.streams) * (settings.delays if spectrum.combine == "delay" else 1)
    made = 3 * 4.0 * bins * images * samples * 2
    if spectrum.combine not in ("coherent", "resolved"):
        # Each target's CSI by itself.
        of_target = 8.0 * radio.n_subcarriers * radio.packets * len(radio.streams)
        made += 2 * of_target * max(1, *scenario.targets.counts)
    return max(reducing, at_work + made) + tables + 4.0 * n * kept * transforms


def check_capture_size(
    scenario: Scenario, *, at_once: int = 1, samples: int = 0, keep_csi: bool = False
) -> None:
    """Refuse a scenario whose captures do not fit into memory.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    at_once : int
        How many processes do so.
    samples : int
        How many spectra each of them makes together; 0: none.
    keep_csi : bool
        Whether it keeps their CSI too.

    Raises
    ------
    InputError
        Naming the fields, what they need and what there is.
    """
    radio, spectrum = scenario.radio, scenario.spectrum
    pairs = f" of {len(radio.streams)} pairs of elements" if radio.has_arrays else ""
    fewer = "" if at_once == 1 else f" for {at_once} workers at once"
    need = capture_bytes(scenario)
    if keep_csi:
        # Received and clean ones, each in a list and then stacked.
        need += 4 * 8.0 * radio.n_subcarriers * radio.packets * len(radio.streams) * samples
    others = _PROCESS * at_once if at_once > 1 else 0
    check_memory(
        need * at_once + others,
        f"scenario {scenario.name}: radio.subcarriers {radio.n_subcarriers}, radio.packets {radio.packets} and "
        f"{len(radio.receivers)} radio.receivers{pairs}{fewer}",
        how="lower radio.packets or radio.subcarriers" + (", or take fewer workers" if fewer else ""),
    )
    if samples:
        check_memory(
            (need + spectra_bytes(scenario, samples)) * at_once + others,
            f"scenario {scenario.name}: spectra of radio.packets {radio.packets}, spectrum.bins_acceleration "
            f"{spectrum.bins_acceleration} and spectrum.bins_jerk {spectrum.bins_jerk}{fewer}",
            how="lower radio.packets, take fewer bins" + (", or fewer workers" if fewer else ""),
        )
