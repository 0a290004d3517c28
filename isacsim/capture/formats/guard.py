"""C code in a process of its own, so that a crash or a hang of it costs an error and not the interpreter.

csiread 1.4.1 trusts lengths that it reads from the file: a wrong one ends the process with a segmentation
fault. Two defences: the readers check all framing in Python and pass on only records that they have verified,
and csiread parses those in a short-lived child process. The child costs about 0.3 s a file (its start and the
import of NumPy; measured on two cores), independent of the file's size.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isacsim.errors import CaptureError

__all__ = ["parse_guarded", "run_guarded"]

_CPU_LIMIT = 24  # SIGXCPU, which Windows lacks
_CHILD = Path(__file__).with_name("csiread_child.py")
# csiread parses over 100 MB/s: what takes longer than this hangs.
_SECONDS, _SECONDS_PER_MB = 60.0, 1.0
# Threads would only slow the start; warnings of csiread's import are not about the capture.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def parse_guarded(parser: str, records: bytes, path: Path, **options: Any) -> dict[str, NDArray[Any]]:
    """Let csiread parse verified records in a child process.

    Parameters
    ----------
    parser : {"intel5300", "atheros"}
        Which of csiread's classes, see `isacsim.capture.formats.csiread_child`.
    records : bytes
        The records, complete and checked.
    path : Path
        The capture they are from, for errors.
    **options
        For the parser; JSON types.

    Returns
    -------
    dict of str to ndarray
        What the child saved.

    Raises
    ------
    CaptureError
        If the child fails, crashes or hangs.
    """
    with tempfile.TemporaryDirectory(prefix="isacsim-") as folder:
        source, result = Path(folder, "records"), Path(folder, "result.npz")
        source.write_bytes(records)
        run_guarded(
            _CHILD,
            [parser, str(source), str(result), json.dumps(options)],
            path,
            "csiread",
            timeout=_SECONDS + _SECONDS_PER_MB * len(records) / 1e6,
        )
        with np.load(result, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}


def run_guarded(script: Path, arguments: list[str], path: Path, name: str, *, timeout: float) -> str:
    """Run a script that may crash or hang on a file in a process of its own.

    Parameters
    ----------
    script : Path
        Of Python.
    arguments : list of str
        For it.
    path : Path
        The capture, for errors.
    name : str
        Whose code it is, for errors.
    timeout : float
        Seconds.

    Returns
    -------
    str
        What it printed.

    Raises
    ------
    CaptureError
        If it fails, crashes or hangs.
    """
    # -P: the folder of the child's script must not shadow modules of the same name.
    command = [sys.executable, "-P", str(script), *arguments]
    try:
        child = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            env=os.environ | _ENVIRONMENT,
            check=False,
        )
    except OSError as error:
        raise CaptureError(f"{path}: a process for {name} cannot be started ({error})") from error
    except subprocess.TimeoutExpired as error:
        raise CaptureError(f"{path}: {name} did not finish within {error.timeout:.0f} s") from error
    if child.returncode == -_CPU_LIMIT:
        raise CaptureError(f"{path}: {name} did not finish on this file, so it is damaged")
    if child.returncode != 0:
        said = child.stderr.decode(errors="replace").strip().splitlines()
        how = f"crashed (signal {-child.returncode})" if child.returncode < 0 else "failed"
        raise CaptureError(
            f"{path}: {name} {how} on this file, so it is damaged{': ' + said[-1] if said else ''}"
        )
    return child.stdout.decode(errors="replace")
