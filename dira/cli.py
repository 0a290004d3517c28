"""The command ``dira``: train, expand, enhance, count, evaluate on zarr stores; reproduce and report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from dira.commands.demo import demo
from dira.commands.enhance import enhance
from dira.commands.expand import expand
from dira.commands.judging import count, evaluate
from dira.commands.reproduce import report, reproduce
from dira.commands.train import train
from isacsim.commands.options import MemoryLimit
from isacsim.terminal import Guarded

__all__ = ["app", "main"]

app = typer.Typer(
    name="dira",
    cls=Guarded,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    memory_limit: MemoryLimit = None,
) -> None:
    """Generate, purify and count: learning from acceleration-jerk spectra."""


_EXAMPLES: dict[Callable[..., None], str] = {
    train: "dira train purifier lab.zarr -o purifier --split train --steps 20000",
    expand: "dira expand --per-class 3=1800,4=1800 -o more.zarr --model generator --seed 1",
    enhance: "dira enhance lab.zarr -o clean.zarr --model purifier --t-star 50 --rounds 2",
    count: "dira count clean.zarr --model counter --variable aj_enhanced",
    evaluate: "dira evaluate clean.zarr --reference lab.zarr --counter counter",
    demo: "dira demo --scenario lab_cubic --seed 7",
    reproduce: "dira reproduce --preset laptop -o out/laptop",
    report: "dira report out/laptop",
}
for _command, _example in _EXAMPLES.items():
    app.command(epilog=f"Example: {_example}")(_command)


def main() -> None:
    """Run the command."""
    app()
