"""Guard before ray tracing: with LLVM 16 or older Dr.Jit aborts the process at its first solve; nothing can catch it.

So a child process looks at the version, and only a good library is ever used here. In this order: the one that
``DRJIT_LIBLLVM_PATH`` names, the system's, the one of the package karellen-llvm-core.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from isacsim.errors import InputError

__all__ = ["require_llvm", "usable_llvm"]

_VARIABLE = "DRJIT_LIBLLVM_PATH"
_LEAST = (17,)
_CHILD = "import drjit.detail as d; print('LLVM', *d.llvm_version())"
_ADVICE = (
    "pip install 'isacsim[rt]' brings one (karellen-llvm-core), or install libllvm19 and name its libLLVM.so in "
    f"{_VARIABLE}"
)


def _version(library: str | None) -> tuple[int, ...]:
    """Version that Dr.Jit finds in a fresh process; () if it finds none, whatever happens there."""
    environment = {name: value for name, value in os.environ.items() if name != _VARIABLE}
    if library is not None:
        environment[_VARIABLE] = library
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    last = (done.stdout.splitlines() or [""])[-1].split()
    if done.returncode != 0 or len(last) != 4 or last[0] != "LLVM":
        return ()
    version = tuple(int(part) for part in last[1:])
    return version if version > (0,) else ()


def _packaged() -> str | None:
    """Library of the package karellen-llvm-core, which lies beside the environment's own ones."""
    try:
        listed = files("karellen-llvm-core") or []
    except PackageNotFoundError:
        return None
    found = [Path(str(f.locate())).resolve() for f in listed if f.name.startswith("libLLVM.")]
    return next((str(path) for path in found if path.is_file()), None)


@cache
def _choose(named: str | None) -> tuple[str | None, str]:
    """Library to name to Dr.Jit (None: it finds it by itself), and what is wrong ('' if nothing is)."""
    if named is not None:
        version = _version(named)
        if version >= _LEAST:
            return named, ""
        what = f"LLVM {'.'.join(map(str, version))}" if version else "no LLVM that can be loaded"
        return (
            None,
            f"{_VARIABLE} names {named}, which is {what} (unset it if the system or the package below has one)",
        )
    system = _version(None)
    if system >= _LEAST:
        return None, ""
    packaged = _packaged()
    if packaged is not None and _version(packaged) >= _LEAST:
        return packaged, ""
    return None, f"the system has LLVM {'.'.join(map(str, system))}" if system else "the system has none"


def usable_llvm() -> str:
    """Say why no LLVM is usable for ray tracing; an empty text if one is. Nothing is loaded here."""
    return _choose(os.environ.get(_VARIABLE))[1]


def require_llvm() -> None:
    """Make Dr.Jit use an LLVM that works; to be called before Sionna's ray tracer is imported.

    Raises
    ------
    InputError
        If there is none, or Dr.Jit has loaded another one in this process.
    """
    library, wrong = _choose(os.environ.get(_VARIABLE))
    if wrong:
        raise InputError(f"ray tracing needs LLVM 17 or newer, but {wrong}: {_ADVICE}.")
    if library is not None:
        os.environ[_VARIABLE] = library
    import drjit.detail

    loaded = drjit.detail.llvm_version()
    if tuple(loaded) < _LEAST:
        raise InputError(
            f"ray tracing needs LLVM 17 or newer, but this process has already loaded {'.'.join(map(str, loaded))}: "
            f"set {_VARIABLE}={library or ''} before Dr.Jit, Mitsuba or Sionna is imported."
        )
