"""How much memory a scenario takes, reckoned from its numbers before anything is computed."""

from __future__ import annotations

from isacsim.compute.memory import check_memory
from isacsim.scenario.model import Scenario

__all__ = ["check_capture_size"]

# Arrays of the CSI's size that live at once while a capture is simulated; measured 5.2 on `lab`, 512 x 8192.
_ARRAYS = 5
# Spectra that one pass of the transform holds beside its results (isacsim.spectrum.transform_kernels.BLOCK, twice).
_SPECTRA = 64


def check_capture_size(scenario: Scenario, *, at_once: int = 1, spectra: bool = False) -> None:
    """Refuse a scenario whose captures don't fit into memory.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    at_once : int
        How many processes do so.
    spectra : bool
        Whether spectra are made too.

    Raises
    ------
    InputError
        Naming the fields, what they need and what there is.
    """
    radio, spectrum = scenario.radio, scenario.spectrum
    fewer = "" if at_once == 1 else f" for {at_once} workers at once"
    need = 8.0 * radio.n_subcarriers * radio.packets * len(radio.receivers) * _ARRAYS * at_once
    check_memory(
        need,
        f"scenario {scenario.name}: radio.subcarriers {radio.n_subcarriers}, radio.packets {radio.packets} and "
        f"{len(radio.receivers)} radio.receivers{fewer}",
        how="lower radio.packets or radio.subcarriers" + (", or take fewer workers" if fewer else ""),
    )
    if spectra:
        check_memory(
            need + 4.0 * spectrum.bins_acceleration * spectrum.bins_jerk * _SPECTRA * at_once,
            f"scenario {scenario.name}: spectrum.bins_acceleration {spectrum.bins_acceleration} and "
            f"spectrum.bins_jerk {spectrum.bins_jerk}{fewer}",
            how="take fewer bins" + (", or fewer workers" if fewer else ""),
        )
