"""Linear algebra on one thread: the bits of a product or a solution depend on how many threads share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

# Both bring their BLAS, and a controller knows the libraries that are loaded when it is made.
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController

__all__ = ["on_one_thread"]

Function = TypeVar("Function", bound=Callable[..., Any])

_CONTROLLER = ThreadpoolController()


def on_one_thread(function: Function) -> Function:
    """Decorate a function so that NumPy's and SciPy's BLAS use one thread while it runs."""
    wrapped: Function = _CONTROLLER.wrap(limits=1, user_api="blas")(function)
    return wrapped
