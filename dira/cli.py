"""The command ``dira``: train, expand, enhance, detect, count, evaluate on zarr stores; reproduce and report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from dira.commands.compare import compare
from dira.commands.demo import demo
from dira.commands.detect import detect
from dira.commands.enhance import enhance
from dira.commands.expand import expand
from dira.commands.judging import count, evaluate
from dira.commands.pretrain import pretrain
from dira.commands.reproduce import report, reproduce
from dira.commands.train import train
from isacsim import __version__
from isacsim.commands.options import MemoryLimit
from isacsim.terminal import Guarded

__all__ = ["app", "main"]

# What the extra brings; torch and its kin are not part of a base install.
_OF_THE_EXTRA = ("torch", "diffusers", "accelerate", "safetensors", "torchmetrics", "filelock")


class _Dira(Guarded):
    """Says what to install where the extra is missing."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] not in _OF_THE_EXTRA or ctx.params.get("debug"):
                raise
            sentence = f"dira needs {error.name}, which is not installed: pip install 'isacsim[dira]'."
            typer.echo(f"dira: {sentence}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    name="dira",
    cls=_Dira,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dira {__version__} (isacsim)")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    memory_limit: MemoryLimit = None,
) -> None:
    """Generate, purify and count: learning from acceleration-jerk spectra."""


_EXAMPLES: dict[Callable[..., None], str] = {
    train: "dira train purifier lab.zarr -o purifier --split train --steps 20000",
    expand: "dira expand --per-class 3=1800,4=1800 -o more.zarr --model generator --seed 1",
    enhance: "dira enhance lab.zarr -o clean.zarr --model purifier --t-star 50 --rounds 2",
    detect: "dira detect lab.zarr --model detector -o found.csv",
    count: "dira count clean.zarr --model counter --variable aj_enhanced",
    evaluate: "dira evaluate clean.zarr --reference lab.zarr --counter counter",
    compare: "dira compare lab corridor hall --captures 100 -o ways.json",
    demo: "dira demo --scenario lab_cubic --seed 7",
    pretrain: "dira pretrain -o encoder --windows 50000 --steps 10000",
    reproduce: "dira reproduce --preset laptop -o out/laptop",
    report: "dira report out/laptop",
}
for _command, _example in _EXAMPLES.items():
    app.command(epilog=f"Example: {_example}")(_command)


def main() -> None:
    """Run the command."""
    app()
