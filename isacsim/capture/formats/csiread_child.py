"""The script that `isacsim.capture.formats.guard` runs: csiread on one file, its arrays to an .npz. It may crash."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import csiread
import numpy as np


def intel5300(source: str, *, count: int) -> dict[str, Any]:
    """`csi` (packet, subcarrier, rx, tx), antennas already permuted."""
    data = csiread.Intel(source, nrxnum=3, ntxnum=3, if_report=False, bufsize=count)
    data.seek(source, 0, count)
    return {"csi": data.csi.astype(np.complex64)}


def atheros(source: str, *, count: int, tones: int, endian: str) -> dict[str, Any]:
    """`csi` (packet, subcarrier, rx, tx)."""
    data = csiread.Atheros(source, nrxnum=3, ntxnum=3, tones=tones, if_report=False, bufsize=count)
    data.seek(source, 0, count, endian)
    return {"csi": data.csi.astype(np.complex64)}


PARSERS: dict[str, Callable[..., dict[str, Any]]] = {
    "intel5300": intel5300,
    "atheros": atheros,
}

if __name__ == "__main__":
    parser, records, result, options = sys.argv[1:]
    np.savez(result, **PARSERS[parser](records, **json.loads(options)))
