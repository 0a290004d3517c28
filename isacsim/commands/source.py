"""Source of a command: a scenario to simulate, a saved capture, or a receiver's file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isacsim.commands.reading import given_options, in_option_names
from isacsim.errors import InputError
from isacsim.terminal import Seed

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.conditioning.windows import Windows
    from isacsim.scenario.model import Scenario

__all__ = [
    "Gain",
    "Hop",
    "Input",
    "MaxWindows",
    "Pair",
    "Receiver",
    "Reference",
    "Seed",
    "Source",
    "Start",
    "WindowLength",
    "in_options",
    "open_source",
    "open_windows",
]

Input = Annotated[
    str,
    typer.Argument(
        metavar="INPUT",
        help="Scenario (shipped name or .yaml file), saved capture (.nc), or a receiver's file "
        "(Intel 5300, Nexmon, Atheros, PicoScenes, ESP32).",
        show_default=False,
    ),
]
WindowLength = Annotated[
    float | None,
    typer.Option("--window-s", help="Window in s; default: the scenario's, else 1.024.", show_default=False),
]
Hop = Annotated[
    float | None,
    typer.Option("--hop-s", help="Step from window to window in s; default: a window.", show_default=False),
]
Start = Annotated[float, typer.Option("--start-s", help="Start of the first window in s.")]
MaxWindows = Annotated[int, typer.Option("--max-windows", help="Largest number of windows.")]
Reference = Annotated[
    str, typer.Option(help="Common phase removed by: auto, product, ratio, self, projection, array or none.")
]
Gain = Annotated[str, typer.Option(help="Gain control undone by: auto, agc, rssi or none.")]
Pair = Annotated[
    tuple[int, int] | None,
    typer.Option(
        help="Surveillance and reference receiver by position; default: by role or coherence.",
        show_default=False,
    ),
]
Receiver = Annotated[
    int, typer.Option(help="Number of the analysed receiver, where there are several (from 0).")
]

# How many lines of a file's repairs to show.
_MOST_NOTES = 5


@dataclass(frozen=True, eq=False)
class Source:
    """A capture and where it came from."""

    capture: xr.Dataset
    name: str
    """Short name for titles."""
    stem: str
    """For the names of files made from it."""
    notes: tuple[str, ...]
    """Notes on what the reader dropped, repaired or assumed."""

    @property
    def simulated(self) -> bool:
        """True if there is a ground truth."""
        return "scenario" in self.capture.attrs

    def reference(self, asked: str) -> Any:
        """Way to remove the common phase: as requested, else as the scenario says."""
        if asked != "auto" or not self.simulated:
            return asked
        return reference_of(self._scenario(), self.capture)

    def spectrum_settings(self) -> dict[str, Any]:
        """Arguments of `isacsim.aj_spectrum` that the scenario asks for; none for a real capture."""
        if not self.simulated:
            return {}
        from isacsim.dataset.synthetic.sample import spectrum_settings

        return spectrum_settings(self._scenario())

    @property
    def lag_ratio(self) -> float:
        """That of the spectra, by which estimates are told apart: the scenario's, else the default."""
        return float(self.spectrum_settings().get("lag_ratio", 0.089))

    def _scenario(self) -> Scenario:
        from isacsim.scenario.model import Scenario

        return Scenario.from_yaml(self.capture.attrs["scenario"], file=self.name)


def reference_of(scenario: Scenario, capture: xr.Dataset) -> Any:
    """Choose how `isacsim.conditioning.condition` removes the common phase of a simulated capture."""
    if any(receiver.role == "reference" for receiver in scenario.radio.receivers):
        return scenario.spectrum.reference
    return "auto"


def open_source(
    given: str,
    *,
    seed: int | None = None,
    settings: list[str] | None = None,
    whole: bool = True,
    **reading: Any,
) -> Source:
    """Simulate or read what the user named; a saved capture is only opened if it need not be ``whole`` in memory.

    Parameters
    ----------
    given : str
        Scenario, saved capture or receiver's file.
    seed : int, optional
        Of a scenario.
    settings : list of str, optional
        Fields of a scenario to change, as ``--set`` takes them.
    whole : bool
        Whether all is loaded into memory.
    **reading
        Arguments of :func:`isacsim.read_capture`, as :func:`isacsim.commands.reading.reads_files` gives them.

    Raises
    ------
    InputError
        If it is none of the three, or an option belongs to another of them.
    """
    path = Path(given)
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    if is_yaml or not path.exists():
        if not is_yaml and ("." in given or "/" in given):
            raise InputError(f"{given}: no such file.")
        _refuse(reading, f"{given} is a scenario")
        return _simulated(given, seed, settings)
    if seed is not None:
        raise InputError(f"--seed is for scenarios; {given} is a capture.")
    if settings:
        raise InputError(f"--set is for scenarios; {given} is a capture.")
    from isacsim.capture.netcdf import load_capture, looks_saved, open_capture

    if looks_saved(path):
        _refuse(reading, f"{given} is a saved capture and has all that")
        capture = load_capture(path) if whole else open_capture(path)
        return Source(capture, path.name, path.stem, _notes(capture))
    from isacsim.capture import read_capture
    from isacsim.capture.packets import CaptureWarning

    with warnings.catch_warnings():
        # They are in the capture's attribute too, and come out as remarks.
        warnings.simplefilter("ignore", CaptureWarning)
        try:
            capture = read_capture(path, **reading)
        except InputError as error:
            raise in_options(error) from error
    return Source(capture, path.name, path.stem, _notes(capture))


def open_windows(
    given: str,
    step: Callable[[str], Any],
    *,
    file: dict[str, Any],
    cut: dict[str, Any],
    seed: int | None,
    settings: list[str] | None,
    reference: str,
    pair: tuple[int, int] | None,
    gain: str,
    uniform: bool = True,
) -> tuple[Source, Windows]:
    """Simulate or read what the user named, and cut it into conditioned windows.

    Parameters
    ----------
    given, seed, settings
        As for :func:`open_source`.
    step : callable
        Called with the name of each stage.
    file : dict
        The other arguments of :func:`open_source`.
    cut : dict
        Arguments of :func:`isacsim.conditioning.windows.capture_windows` on where the windows lie.
    reference, pair, gain
        As for :func:`isacsim.conditioning.condition`; a reference "auto" is the scenario's.
    uniform : bool
        Whether packets are brought onto a uniform grid.
    """
    from isacsim.conditioning.windows import capture_windows

    step("reading")
    opened = open_source(given, seed=seed, settings=settings, **file)
    step("conditioning")
    windows = capture_windows(
        opened.capture,
        reference=opened.reference(reference),
        pair=pair,
        gain=gain,  # type: ignore[arg-type]  # checked by condition
        uniform=uniform,
        **cut,
    )
    return opened, windows


def in_options(error: InputError, axes: tuple[str, str] | None = None) -> InputError:
    """An error that speaks of Python's arguments, in words of the command line.

    Parameters
    ----------
    error : InputError
        From a function of isacsim.
    axes : (str, str), optional
        The command's options for how far the acceleration and the jerk axis reach; a command without any does not
        advise to widen them.
    """
    text = re.sub(r"^receiver=", "--receiver", in_option_names(str(error))).replace(
        "a shorter window (about", "a shorter window (--window-s, about"
    )
    if axes is None:
        text = re.sub(r" or wider axes \([^)]*\)", "", text)
    else:
        text = text.replace("acceleration= up to", axes[0]).replace("jerk= up to", axes[1])
    return type(error)(
        re.sub(r"\bmax_(?:path_length|speed|acceleration|jerk|targets|components)\b", _as_option, text)
    )


def _as_option(name: re.Match[str]) -> str:
    return "--" + name[0].replace("_", "-")


def _simulated(given: str, seed: int | None, settings: list[str] | None) -> Source:
    from isacsim.commands.options import scenario_with
    from isacsim.simulation.capture import simulate

    scenario = scenario_with(given, settings)
    seed = scenario.seed if seed is None else seed
    return Source(
        simulate(scenario, seed=seed), f"{scenario.name}, seed {seed}", f"{scenario.name}-seed{seed}", ()
    )


def _notes(capture: xr.Dataset) -> tuple[str, ...]:
    lines = [in_option_names(line) for line in str(capture.attrs.get("warnings", "")).splitlines() if line]
    if len(lines) > _MOST_NOTES:
        lines[_MOST_NOTES:] = [f"and {len(lines) - _MOST_NOTES} more repairs"]
    if capture.attrs.get("phase_sign_source") == "assumed":
        lines.append("phase sign assumed to be -1: if it is +1, acceleration and jerk have the opposite sign")
    return tuple(lines)


def _refuse(reading: dict[str, Any], why: str) -> None:
    if wrong := given_options(reading):
        raise InputError(f"{wrong[0]} is for receivers' files; {why}.")
