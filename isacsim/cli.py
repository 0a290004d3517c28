"""The command ``isacsim``: bad input ends in one sentence and exit code 2, Ctrl-C in 130."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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
from isacsim.errors import InputError

__all__ = ["app", "main"]


class _Guarded(TyperGroup):
    """Turns what users can get wrong into one sentence."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        debug = bool(ctx.params.get("debug"))
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            typer.echo(f"isacsim: {str(error) or 'interrupted.'}", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise  # `isacsim scenarios | head`: typer ends quietly
        except (InputError, OSError, ValueError) as error:
            sentence = _sentence(error)
            if debug or sentence is None:
                raise
            typer.echo(f"isacsim: {sentence}", err=True)
            raise typer.Exit(2) from None


def _sentence(error: Exception) -> str | None:
    """Say what the user can mend; None for an error that is ours."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        about = f"{error.filename}: " if error.filename else ""
        return f"{about}{error.strerror or error}"
    pydantic = sys.modules.get("pydantic_core")
    if pydantic is not None and isinstance(error, pydantic.ValidationError):
        first, *more = error.errors()
        # One of a scenario file names file, line and field itself.
        field = "" if "field" in first.get("ctx", {}) else ".".join(map(str, first["loc"]))
        return (
            (f"{field}: " if field else "")
            + first["msg"]
            + (f" (and {len(more)} more like it)" if more else "")
        )
    return None


app = typer.Typer(
    name="isacsim",
    cls=_Guarded,
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
