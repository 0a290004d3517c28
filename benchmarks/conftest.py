"""Turns the measured times into docs/results/performance.md: ratios of one run, with the machine; shared fixtures."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numba
import numpy as np
import pytest
import scipy

from isacsim.channel.sionna.llvm import usable_llvm
from isacsim.compute.provenance import processor

PAGE = Path(__file__).parent.parent / "docs" / "results" / "performance.md"


def _sionna_runs() -> bool:
    """Whether Sionna's benchmarks can run here."""
    return find_spec("sionna") is not None and not usable_llvm()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the page when every benchmark has run; a part of them must not replace the whole."""
    benchmark_session = getattr(session.config, "_benchmarksession", None)
    if benchmark_session is None or exitstatus != 0:
        return
    done = {b.name: b for b in benchmark_session.benchmarks}
    from benchmarks.tables import TABLE

    skipped = {title for title in TABLE if "Sionna" in title and not _sionna_runs()}
    table = {title: rows for title, rows in TABLE.items() if title not in skipped}
    if any(name not in done for rows in table.values() for name, *_ in rows):
        return
    lines = [
        "# Performance",
        "",
        "Written by `make bench`. Times are medians of one run on one machine; the ratios are what to compare.",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d}, {processor()}, {os.cpu_count()} cores, "
        f"{numba.config.NUMBA_NUM_THREADS} threads",
        f"- Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, Numba "
        f"{numba.__version__}",
        "",
    ]
    for title, rows in table.items():
        base = done[rows[0][0]].stats.median
        unit = rows[0][2]
        lines += [f"## {title}", "", f"| what | time a {unit} | against ours |", "|---|---:|---:|"]
        for name, label, _ in rows:
            extra = done[name].extra_info
            median = done[name].stats.median / extra.get("units", 1)
            ratio = median / (base / done[rows[0][0]].extra_info.get("units", 1))
            lines.append(f"| {label} | {_time(median)} | {'1' if name == rows[0][0] else f'{ratio:.3g} x'} |")
        lines.append("")
        lines += [f"{note}\n" for name, *_ in rows if (note := done[name].extra_info.get("note"))]
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(lines).rstrip() + "\n")
    print(f"\nwrote {PAGE}")


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} µs" if seconds < 1e-3 else f"{seconds * 1e3:.3g} ms"


@pytest.fixture(scope="module")
def kinematics():
    rng = np.random.default_rng(0)
    return {
        "path_length": rng.uniform(3, 15, 7),
        "velocity": rng.uniform(-3, 3, 7),
        "acceleration": rng.uniform(-6, 6, 7),
        "jerk": rng.uniform(-30, 30, 7),
        "amplitude": np.exp(0.3 * rng.standard_normal(7)),
        "phase": rng.uniform(0, 2 * np.pi, 7),
    }


@pytest.fixture
def one_thread():
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)
