"""The command ``isacsim``: bad input ends in one sentence and exit code 2, Ctrl-C in 130."""

from __future__ import annotations

from typing import Annotated

import typer

from isacsim import __version__
from isacsim.commands import (
    demo,
    environment,
    estimate,
    export,
    generate,
    inspect,
    mix,
    scenarios,
    simulate,
    spectrum,
    validate,
)
from isacsim.commands.guard import Guarded

__all__ = ["app", "main"]


app = typer.Typer(
    name="isacsim",
    cls=Guarded,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)
app.add_typer(scenarios.app, name="scenarios")
for _command, _example in (
    (simulate.simulate, "isacsim simulate lab --seed 3 --targets 4 -o lab.nc"),
    (spectrum.spectrum, "isacsim spectrum walk.dat --carrier 5.32e9 -o walk.png"),
    (estimate.estimate, "isacsim estimate default --seed 3"),
    (environment.environment, "isacsim environment lab_rt -o lab_rt.png"),
    (generate.generate, "isacsim generate lab -o lab.zarr --per-class 3=100,4=100 --seed 7"),
    (inspect.inspect, "isacsim inspect lab.zarr --verify --picture lab.png"),
    (mix.mix, "isacsim mix train.zarr real.zarr --real-fraction 0.3 -o mixed.zarr"),
    (export.export, "isacsim export lab.zarr -o lab.mat --split train --variables aj_noisy,n_targets"),
    (demo.demo, "isacsim demo --scenario lab --seed 3 -o out/lab.html"),
    (validate.validate, "isacsim validate paper --quick -o out"),
):
    app.command(epilog=f"Example: [bold]{_example}[/bold]")(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"isacsim {__version__}")
        raise typer.Exit


@app.callback(epilog="Example: [bold]isacsim demo[/bold], then [bold]isacsim spectrum lab --seed 3[/bold]")
def _global_options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show Python's traceback on errors (before the command).")
    ] = False,
) -> None:
    """Simulate Wi-Fi channel state information of moving targets with exact truth, and estimate their motion."""


def main() -> None:
    """Run the command with the process's arguments."""
    app(prog_name="isacsim")
