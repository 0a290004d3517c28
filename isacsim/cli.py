"""The command ``isacsim``: bad input ends in one sentence and exit code 2, Ctrl-C in 130."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isacsim import __version__
from isacsim.commands import (
    capture,
    count,
    demo,
    environment,
    estimate,
    explore,
    export,
    generate,
    import_captures,
    inspect,
    mix,
    scenarios,
    simulate,
    spectrum,
    track,
    validate,
)
from isacsim.commands.options import MemoryLimit
from isacsim.errors import InputError
from isacsim.terminal import Guarded

__all__ = ["app", "main"]


class _Isacsim(Guarded):
    """Knows what commands were once called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command."""
        if args[:1] == ["generate"] and any(a.split("=")[0] == "--capture" for a in args):
            raise InputError(
                "generate makes data sets from scenarios; for captures use isacsim import FILES."
            )
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="isacsim",
    cls=_Isacsim,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)
app.add_typer(scenarios.app, name="scenarios")
for _name, _command, _example in (
    ("simulate", simulate.simulate, "isacsim simulate lab --seed 3 --targets 4 -o lab.nc"),
    ("spectrum", spectrum.spectrum, "isacsim spectrum walk.dat --carrier 5.32e9 -o walk.png"),
    ("estimate", estimate.estimate, "isacsim estimate default --seed 3"),
    ("count", count.count, "isacsim count lab --seed 3"),
    ("track", track.track, "isacsim track walker --seed 3 --plot walker.png -o walker.nc"),
    ("environment", environment.environment, "isacsim environment lab_rt -o lab_rt.png"),
    ("capture", capture.capture, "isacsim capture walk.dat --carrier 5.32e9 -o walk"),
    ("generate", generate.generate, "isacsim generate lab -o lab.zarr --per-class 3=100,4=100 --seed 7"),
    ("import", import_captures.import_captures, "isacsim import walk.dat --labels labels.csv -o walk.zarr"),
    ("inspect", inspect.inspect, "isacsim inspect lab.zarr --verify --picture lab.png"),
    ("mix", mix.mix, "isacsim mix train.zarr real.zarr --real-fraction 0.3 -o mixed.zarr"),
    (
        "export",
        export.export,
        "isacsim export lab.zarr -o lab.mat --split train --variables aj_noisy,n_targets",
    ),
    ("explore", explore.explore, "isacsim explore lab"),
    ("demo", demo.demo, "isacsim demo --scenario lab --seed 3 -o out/lab.html"),
    ("validate", validate.validate, "isacsim validate paper --quick -o out"),
):
    app.command(_name, epilog=f"Example: [bold]{_example}[/bold]")(_command)


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
    memory_limit: MemoryLimit = None,
) -> None:
    """Simulate Wi-Fi channel state information of moving targets with exact truth, and estimate their motion."""


def main() -> None:
    """Run the command with the process's arguments."""
    app(prog_name="isacsim")
