"""The demo's page: one scenario through the whole chain, in one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import platform
import shlex
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from isacsim import __version__
from isacsim.commands.estimate_remarks import is_relative, length_heading
from isacsim.commands.remarks import (
    QUANTITIES,
    body_remark,
    cubic_remark,
    impairment_lines,
    target_names,
)
from isacsim.commands.source import reference_of
from isacsim.conditioning.conditioning import condition
from isacsim.conditioning.cutting import CaptureWindow
from isacsim.conditioning.pairs import pairs_together, receiver_of
from isacsim.dataset.synthetic.sample import sample_spectra
from isacsim.estimation.estimate import OWN_TIMES, TOGETHER, estimate_paths
from isacsim.estimation.matching import Match, match_paths
from isacsim.figures import html
from isacsim.figures.csi import csi_figure
from isacsim.figures.scene import scene_figure
from isacsim.figures.spectra import doppler_figure, png, spectra_figure
from isacsim.scenario.model import Scenario
from isacsim.simulation.capture import simulate
from isacsim.simulation.truth import realisation_of, truth_at
from isacsim.spectrum.doppler import doppler_spectrogram

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["STEPS", "demo_page", "table"]

# How often `demo_page` calls ``step``.
STEPS = 5
_PACKAGES = ("numpy", "scipy", "numba", "xarray", "matplotlib")


def demo_page(
    scenario: Scenario,
    *,
    seed: int,
    method: str,
    given: str,
    step: Callable[[str], Any] = lambda name: None,
) -> str:
    """Simulate a scenario and show scene, CSI, spectra, Doppler, and estimates against the truth.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    seed : int
        Seed of the capture.
    method : str
        Estimator, for :func:`isacsim.estimate_paths`.
    given : str
        The scenario's name or file as the user gave it, for the command that makes the page again.
    step : callable
        Called with a name at the start of each of the `STEPS` steps.

    Returns
    -------
    str
        HTML with all pictures inside.
    """
    step("simulating")
    capture = simulate(scenario, seed=seed)
    drawn = realisation_of(capture)
    step("spectra")
    sample = sample_spectra(capture)
    how = reference_of(scenario, capture)
    csi = condition(capture, reference=how).isel(receiver=0)
    receiver = str(csi.coords["receiver"].values)
    window = CaptureWindow(csi, capture.sizes["packet"])
    truth = truth_at(capture, receiver, window.centre)
    assert truth is not None  # it was simulated
    step("estimating")
    own = condition(capture, reference=how, uniform=method not in OWN_TIMES)
    own = pairs_together(own, 0) if method in TOGETHER else receiver_of(own, 0)
    estimates = estimate_paths(own, method=method)  # type: ignore[arg-type]  # checked there
    matches = match_paths(truth, estimates, window.grid(scenario.spectrum.lag_ratio))
    step("drawing")
    spectra = {}
    for name in ("noisy", "noiseless", "clean"):
        one = sample[f"aj_{name}"].isel(receiver=0)
        spectra[name] = one.mean("delay") if "delay" in one.dims else one
    figures = {
        "scene": scene_figure(drawn),
        "csi": csi_figure(csi),
        "spectra": spectra_figure(spectra, truth=truth, estimates={"noisy": estimates}),
        "doppler": doppler_figure(doppler_spectrogram(csi, window_s=_doppler_window(window)), truth),
    }
    pictures = {name: _image(figure) for name, figure in figures.items()}
    step("writing")
    found = sum(m.truth is not None and m.estimate is not None for m in matches)
    false = sum(m.truth is None for m in matches)
    summary = [f"{found} of {truth.sizes['path']} targets found, {false} false; method: {method}."]
    if estimates.attrs.get("timing") == "unknown":
        summary.append("Estimated path lengths hold the receiver's timing offset, the same for all paths.")
    elif is_relative(estimates):
        summary.append("Estimated path lengths are relative to that of the reference's static path.")
    if method == "relax":
        remedy = f"isacsim estimate {shlex.quote(given)} --window-s, or fewer radio.packets in the scenario"
        note = cubic_remark(capture, receiver, [csi.coords["time"].values], remedy)
        summary += [note[:1].upper() + note[1:]] if note else []
    note = body_remark(capture)
    summary += [note[:1].upper() + note[1:]] if note else []
    return html.page(
        title=f"isacsim: {scenario.name}",
        description=scenario.description,
        facts=_facts(capture, scenario, truth),
        pictures=pictures,
        captions=html.captions(
            in_space=bool(capture["position"].notnull().any()),
            conditioning=str(csi.attrs["conditioning"]),
            receiver=receiver,
            delay="delay" in sample["aj_noisy"].dims,
            n_targets=truth.sizes["path"],
            static=bool(capture["static"].values.any()),
        ),
        summary=" ".join(summary),
        table=table(truth, estimates, matches, target_names(scenario, truth)),
        impairments=impairment_lines(capture, scenario) or ["none"],
        yaml=str(capture.attrs["scenario"]),
        command=f"isacsim demo --scenario {shlex.quote(given)} --seed {seed} --method {method}",
        versions=[
            f"isacsim {__version__}",
            f"Python {platform.python_version()}",
            *(f"{package} {version(package)}" for package in _PACKAGES),
        ],
        fingerprint=scenario.fingerprint(),
    )


def _doppler_window(window: CaptureWindow) -> float:
    return (
        max(0.128, 16 * window.interval) if window.packets * window.interval > 0.4 else 32 * window.interval
    )


def _facts(capture: xr.Dataset, scenario: Scenario, truth: xr.Dataset) -> dict[str, str]:
    radio = scenario.radio
    worst = f"{float(truth['model_error'].max()):.2g} λ" if truth.sizes["path"] else "no target"
    return {
        "targets": str(truth.sizes["path"]),
        "SNR of a unit path": f"{capture.attrs['snr_db']:.1f} dB"
        if scenario.impairments.noise
        else "no noise",
        "carrier": f"{radio.carrier_hz / 1e9:g} GHz",
        "bandwidth": f"{radio.bandwidth_hz / 1e6:g} MHz, {radio.n_subcarriers} subcarriers",
        "window": f"{radio.packets / radio.packet_rate_hz:g} s at {radio.packet_rate_hz:g} packets/s",
        "receivers": radio.receivers_text,
        "model error": worst,
        "seed": str(capture.attrs["seed"]),
    }


def table(
    truth: xr.Dataset, estimates: xr.Dataset, matches: list[Match], names: list[str]
) -> tuple[list[tuple[str, list[str]]], list[list[str]]]:
    """Groups of columns and rows; quantities that the method does not give keep their truth."""
    given = {n: bool(estimates[n].notnull().any()) for n in QUANTITIES}
    # Every method gives these, even if it found nothing.
    given |= {"acceleration": True, "jerk": True}
    # The truth's lengths are absolute: no error can be told against relative ones.
    compared = {n: n != "path_length" or not is_relative(estimates) for n in QUANTITIES}
    groups = [("target", [""])]
    for name, heading in QUANTITIES.items():
        groups.append(
            (heading, ["true", "estimate", "error"] if given[name] and compared[name] else ["true"])
        )
        if given[name] and not compared[name]:
            groups.append((length_heading(estimates), ["estimate"]))
    rows = []
    for match in matches:
        row = ["false" if match.truth is None else names[match.truth]]
        for name in QUANTITIES:
            true = None if match.truth is None else float(truth[name][match.truth])
            row.append("" if true is None else f"{true:.2f}")
            if not given[name]:
                continue
            if match.estimate is None:
                row.append("not found" if name == "acceleration" else "")
                row += [""] * compared[name]
                continue
            value = float(estimates[name][match.estimate])
            spread = float(estimates[f"std_{name}"][match.estimate])
            row.append(f"{value:.2f}" if spread != spread else f"{value:.4f} ± {spread:.4f}")
            if compared[name]:
                row.append("" if true is None else f"{value - true:+.3f}")
        rows.append([cell.replace("-", "−") if cell[-1:].isdigit() else cell for cell in row])
    return groups, rows


def _image(figure: Figure) -> str:
    return base64.b64encode(png(figure)).decode("ascii")
