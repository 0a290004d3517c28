"""What users can get wrong ends in one sentence and exit code 2, Ctrl-C in 130; for the commands isacsim and dira."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from isacsim.errors import InputError

__all__ = ["Guarded"]


class Guarded(TyperGroup):
    """Turns what users can get wrong into one sentence."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        debug = bool(ctx.params.get("debug"))
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            typer.echo(f"{self.name}: {str(error) or 'interrupted.'}", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise  # `isacsim scenarios | head`: typer ends quietly
        except (InputError, OSError, ValueError) as error:
            sentence = _sentence(error)
            if debug or sentence is None:
                raise
            typer.echo(f"{self.name}: {sentence}", err=True)
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
