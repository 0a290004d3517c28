"""One capture to its three spectra: noisy, noiseless, clean (METHOD section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.axes import symmetric_axis
from isacsim.conditioning import condition, reference_product
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
        float32, dims (receiver, [delay,] acceleration, jerk), over the surveillance receivers: ``aj_noisy`` from the CSI as
        received, conditioned; ``aj_noiseless`` from the same paths (movers too) and static part without noise and impairments on the
        nominal packets; ``aj_clean`` from the targets' self-terms alone, each path as the receiver would get it (times the
        conjugate static part of the reference, or over it) after static removal. Zeros where there is no target.

    Raises
    ------
    InputError
        If the capture was not simulated.
    """
    import xarray as xr

    drawn = realisation_of(capture)
    settings = spectrum_settings(drawn.scenario)
    has_reference = any(r.role == "reference" for r in drawn.scenario.radio.receivers)
    reference: Any = drawn.scenario.spectrum.reference if has_reference else "auto"
    noisy = condition(capture, reference=reference)
    noiseless = _noiseless(drawn, capture, reference if has_reference else "none")
    noiseless = noiseless.sel(receiver=noisy.coords["receiver"])
    out = {
        "aj_noisy": aj_spectrum(noisy, **settings),
        "aj_noiseless": aj_spectrum(noiseless, **settings),
        "aj_clean": _clean(drawn, noiseless, has_reference, settings),
    }
    for name, spectrum in out.items():
        spectrum.attrs["long_name"] = f"{name[3:]} acceleration-jerk spectrum, linear magnitude"
        out[name] = spectrum.drop_vars("time", errors="ignore")
    return xr.Dataset(out, attrs={"conditioning": noisy.attrs["conditioning"]})


def _nominal(drawn: Realisation, capture: xr.Dataset, values: Any, dims: tuple[str, ...]) -> xr.DataArray:
    import xarray as xr

    time = drawn.scenario.radio.time_s
    coords = {n: capture.coords[n] for n in ("receiver", "role", "frequency")}
    return xr.DataArray(
        values, dims=dims, coords={**coords, "time": ("packet", time)}, name="csi", attrs={"phase_sign": -1}
    )


def _noiseless(drawn: Realisation, capture: xr.Dataset, reference: Any) -> xr.DataArray:
    """Paths and static part on the nominal packets, through the same reference."""
    import xarray as xr

    values = drawn.dynamic(drawn.scenario.radio.time_s) + drawn.static[..., np.newaxis].astype(np.complex64)
    array = _nominal(drawn, capture, values, ("receiver", "subcarrier", "packet"))
    whole = xr.Dataset({"csi": array}, attrs={"shared_phase_error": 0})
    return condition(whole, reference=reference)


def _clean(
    drawn: Realisation, noiseless: xr.DataArray, has_reference: bool, settings: dict[str, Any]
) -> xr.DataArray:
    """Self-terms of the target paths, received as the conditioned signal was."""
    names = [r.name for r in drawn.scenario.radio.receivers]
    keep = [names.index(str(n)) for n in noiseless.coords["receiver"].values]
    paths = drawn.each_path(drawn.scenario.radio.time_s)
    if drawn.n_targets == 0:
        # No path has no spectrum to sum: an empty room's clean spectrum is zero.
        return aj_spectrum(noiseless, **settings) * np.float32(0)
    if has_reference:
        reference = [r.role for r in drawn.scenario.radio.receivers].index("reference")
        static = drawn.static[reference][:, np.newaxis].astype(np.complex64)
        factor = _reference_factor(static, drawn.scenario.spectrum.reference == "ratio")
        paths = paths * factor
    array = noiseless.expand_dims(path=paths.shape[1], axis=1).copy(data=paths[keep])
    return self_term_spectrum(array, **settings)


def _reference_factor(static: Any, ratio: bool) -> Any:
    """What :func:`reference_product` multiplies by when the reference is its static part alone, (subcarrier, 1)."""
    import xarray as xr

    one = np.ones_like(static)
    pair = xr.DataArray(np.stack([one, static]), dims=("receiver", "subcarrier", "packet"))
    return reference_product(pair, [0], 1, ratio=ratio).values[0]
