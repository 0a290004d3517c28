"""The command ``dira demo``: a scenario simulated, spectra purified, targets counted, beside the truth."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from isacsim.terminal import Seed

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

__all__ = ["demo", "demo_page"]

_SHOWN = 4


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")] = Path(
        "out/dira.html"
    ),
    scenario: Annotated[str, typer.Option(help="Name of a shipped scenario, or a .yaml file.")] = "default",
    samples: Annotated[int, typer.Option(help="Captures to simulate.", min=1)] = 8,
    seed: Seed = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder with Purifier, PairedDenoiser and TargetCounter; default: dira's own."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Simulate a scenario, purify its spectra and count its targets, and leave one HTML page."""
    import dira
    from isacsim.figures.html import check_page
    from isacsim.files import written_whole
    from isacsim.scenario.catalogue import load_scenario
    from isacsim.terminal import progress

    check_page(output)
    loaded = load_scenario(scenario)
    models = [
        kind.from_pretrained(None if weights is None else weights / kind.__name__)
        for kind in (dira.Purifier, dira.PairedDenoiser, dira.TargetCounter)
    ]
    with progress() as bar:
        task = bar.add_task("simulating", total=None)
        page = demo_page(
            loaded,
            *models,
            samples=samples,
            seed=loaded.seed if seed is None else seed,
            device=device,
            tell=lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )
    with written_whole(output) as file:
        file.write_text(page, encoding="utf-8")
    typer.echo(f"dira demo: {output.absolute()} ({output.stat().st_size / 1e6:.1f} MB, open it in a browser)")


def demo_page(
    scenario: Any,
    purifier: Any,
    denoiser: Any,
    counter: Any,
    *,
    samples: int,
    seed: int,
    device: str,
    tell: Callable[[str, int, int], None],
) -> str:
    """Make the page.

    Parameters
    ----------
    scenario : isacsim.scenario.model.Scenario
        What to simulate.
    purifier : Purifier
        Trained on the scenario's axes.
    denoiser : PairedDenoiser
        The same, to set beside it.
    counter : TargetCounter
        Trained on spectra of all kinds.
    samples : int
        Captures.
    seed : int
        Of captures and purification.
    device : {"auto", "cpu", "cuda", "mps"}
        Where.
    tell : callable
        Told what is being done, how much is done, and of how much.

    Returns
    -------
    str
        HTML with all pictures inside.

    Raises
    ------
    InputError
        If the spectra don't fit the models.
    """
    from isacsim.dataset.synthetic.batch import make_samples
    from isacsim.figures.html import document
    from isacsim.figures.spectra import png

    ds = make_samples(scenario, seed=seed, indices=range(samples))
    noisy = ds["aj_noisy"].isel(receiver=0) if "receiver" in ds["aj_noisy"].dims else ds["aj_noisy"]
    pure = purifier.enhance(
        noisy,
        **purifier.chosen,
        seed=seed,
        device=device,
        progress=lambda done, total, _: tell("purifying", done, total),
    )
    kinds = {"noisy": noisy.values, "purified": pure, "paired": denoiser.enhance(noisy, device=device)}
    found = {name: counter.predict(values, device=device) for name, values in kinds.items()}
    sure = counter.predict_proba(pure, device=device).max(axis=1)
    truth = ds["n_targets"].values
    figure = _figure(ds, noisy, kinds, found)
    picture = base64.b64encode(png(figure)).decode("ascii")
    right = {name: int((counts == truth).sum()) for name, counts in found.items()}
    rows = "".join(
        f"<tr><td>{i}</td><td>{ds['snr_db'].values[i]:.0f}</td><td>{truth[i]}</td><td>{found['noisy'][i]}</td>"
        f"<td>{found['purified'][i]}</td><td>{sure[i]:.2f}</td><td>{found['paired'][i]}</td></tr>"
        for i in range(samples)
    )
    known = ", ".join(str(n) for n in counter.counts)
    parts = [
        f'<h1>dira: {escape(scenario.name)}</h1><p class="lead">{escape(scenario.description)}</p>',
        "<section><h2>Simulated, purified, clean</h2><p>Acceleration across, jerk upwards, (P / Pmax)^¼; white circles "
        "are the true targets. Purified: by the guided diffusion model, which has seen clean spectra alone; paired: by "
        "a network that has seen pairs of noisy and clean ones, as only a simulation has them.</p>"
        f'<img alt="spectra" src="data:image/png;base64,{picture}"></section>',
        f"<section><h2>Counted</h2><p>Counted right of {samples}: {right['noisy']} in noisy spectra, "
        f"{right['purified']} after purification, {right['paired']} after the paired denoiser. The counter knows "
        f"{known} targets; captures with another number it can't count right.</p>"
        '<div class="scroll"><table><thead><tr><th>capture</th><th>SNR [dB]</th><th>truth</th><th>counted, noisy</th>'
        "<th>purified</th><th>its probability</th><th>paired</th></tr></thead><tbody>"
        f"{rows}</tbody></table></div></section>",
    ]
    return document(f"dira: {scenario.name}", parts)


def _figure(
    ds: xr.Dataset,
    noisy: xr.DataArray,
    kinds: dict[str, NDArray[np.float32]],
    counted: dict[str, NDArray[np.int64]],
) -> Figure:
    import xarray as xr
    from matplotlib.figure import Figure

    from isacsim.figures.spectra import draw_aj

    n = min(_SHOWN, ds.sizes["sample"])
    clean = ds["aj_clean"].isel(receiver=0) if "receiver" in ds["aj_clean"].dims else ds["aj_clean"]
    shown = {name: noisy.copy(data=values) for name, values in kinds.items()} | {"clean": clean}
    figure = Figure(figsize=(3.1 * n, 2.75 * len(shown)), layout="constrained")
    grid = figure.subplots(len(shown), n, squeeze=False)
    for column in range(n):
        a, r = (ds[f"target_{name}"].isel(sample=column).values.ravel() for name in ("acceleration", "jerk"))
        known = np.isfinite(a)
        points = xr.Dataset({"acceleration": ("path", a[known]), "jerk": ("path", r[known])})
        for row, (name, values) in enumerate(shown.items()):
            draw_aj(grid[row][column], values.isel(sample=column), truth=points)
            said = f"{name}: {counted[name][column]} counted" if name in counted else name
            grid[row][column].set_title(said, fontsize=9)
            grid[row][column].label_outer()
        truth = int(ds["n_targets"].values[column])
        first = grid[0][column].get_title()
        grid[0][column].set_title(f"{truth} targets\n{first}", fontsize=9)
    return figure
