"""One capture to its three spectra: noisy, noiseless, clean (method.md section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.axes import symmetric_axis
from isacsim.conditioning import condition, reference_factor
from isacsim.scenario import Scenario
from isacsim.simulation import Realisation, realisation_of
from isacsim.spectrum import aj_spectrum, self_term_spectrum

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["sample_spectra", "spectrum_settings"]


def spectrum_settings(scenario: Scenario) -> dict[str, Any]:
    """Arguments of :func:`isacsim.aj_spectrum` that a scenario asks for."""
    s = scenario.spectrum
    return {
        "acceleration": symmetric_axis(s.acceleration_max_m_s2, s.bins_acceleration),
        "jerk": symmetric_axis(s.jerk_max_m_s3, s.bins_jerk),
        "lag_ratio": s.lag_ratio,
        "lags": s.lags,
        "min_lag": s.min_lag,
        "combine": s.combine,
    }


def sample_spectra(capture: xr.Dataset) -> xr.Dataset:
    """Noisy, noiseless and clean spectrum of one simulated capture.

    Parameters
    ----------
    capture : xarray.Dataset
        From :func:`isacsim.simulate`.

    Returns
    -------
    xarray.Dataset
        float32, dims (receiver, [delay,] acceleration, jerk), over the surveillance receivers: ``aj_noisy``
        from the CSI as received, conditioned; ``aj_noiseless`` from the same paths (movers too) and static
        part without noise and impairments on the nominal packets; ``aj_clean`` from the targets' self-terms
        alone, each path as the receiver would get it (times the conjugate static part of the reference, or
        over it) after static removal. Zeros where there is no target.

    Raises
    ------
    InputError
        If the capture was not simulated.
    """
    import xarray as xr

    drawn = realisation_of(capture)
    settings = spectrum_settings(drawn.scenario)
    roles = [r.role for r in drawn.scenario.radio.receivers]
    paired = "reference" in roles or (len(roles) > 1 and bool(capture.attrs["shared_phase_error"]))
    how: Any = drawn.scenario.spectrum.reference if paired else "auto"
    noisy = condition(capture, reference=how)
    names = [r.name for r in drawn.scenario.radio.receivers]
    kept = [names.index(str(n)) for n in noisy.coords["receiver"].values]
    # The noiseless and clean signals go through the reference that the noisy one went through.
    reference = int(noisy.attrs["reference"])
    made = {
        "aj_noisy": aj_spectrum(noisy, **settings),
        "aj_noiseless": aj_spectrum(_noiseless(drawn, noisy, kept, reference), **settings),
        "aj_clean": _clean(drawn, noisy, kept, reference, settings),
    }
    for name, spectrum in made.items():
        spectrum.attrs["long_name"] = f"{name[3:]} acceleration-jerk spectrum, linear magnitude"
    return xr.Dataset(made, attrs={"conditioning": noisy.attrs["conditioning"]})


def _at_nominal_packets(
    drawn: Realisation, noisy: xr.DataArray, values: Any, dims: tuple[str, ...]
) -> xr.DataArray:
    """Wrap values with the conditioned capture's labels, but on the packets that the radio meant to send."""
    import xarray as xr

    coords = {n: noisy.coords[n] for n in ("receiver", "frequency")}
    coords["time"] = ("packet", drawn.scenario.radio.time_s)
    return xr.DataArray(values, dims=dims, coords=coords, attrs={"phase_sign": noisy.attrs["phase_sign"]})


def _noiseless(drawn: Realisation, noisy: xr.DataArray, kept: list[int], reference: int) -> xr.DataArray:
    """Paths and static part without noise and impairments."""
    values = drawn.dynamic(drawn.scenario.radio.time_s) + drawn.static[..., np.newaxis].astype(np.complex64)
    out = values[kept]
    if reference >= 0:
        out = out * reference_factor(values[reference], ratio=drawn.scenario.spectrum.reference == "ratio")
    return _at_nominal_packets(drawn, noisy, out, ("receiver", "subcarrier", "packet"))


def _clean(
    drawn: Realisation, noisy: xr.DataArray, kept: list[int], reference: int, settings: dict[str, Any]
) -> xr.DataArray:
    """Self-terms of the target paths, each received as the conditioned signal was."""
    paths = drawn.each_path(drawn.scenario.radio.time_s)[kept]
    if drawn.n_targets == 0:
        # A silent path stands for none: its spectrum is zero.
        paths = np.zeros((len(kept), 1, *paths.shape[2:]), np.complex64)
    if reference >= 0:
        static = drawn.static[reference][:, np.newaxis].astype(np.complex64)
        paths = paths * reference_factor(static, ratio=drawn.scenario.spectrum.reference == "ratio")
    dims = ("receiver", "path", "subcarrier", "packet")
    return self_term_spectrum(_at_nominal_packets(drawn, noisy, paths, dims), **settings)
