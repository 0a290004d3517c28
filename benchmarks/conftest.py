"""Turns the measured times into docs/results/performance.json and its page; shared fixtures.

Ratios are those of one run; the machine is named.
"""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.util import find_spec

import numba
import numpy as np
import pytest
import scipy

from benchmarks.page import PAGE, TABLE, page
from isacsim.channel.sionna.llvm import usable_llvm
from isacsim.compute.provenance import processor


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
    from benchmarks.tables import TABLE as PARTS

    skipped = {title for title in PARTS if "Sionna" in title and not _sionna_runs()}
    table = {title: rows for title, rows in PARTS.items() if title not in skipped}
    if any(name not in done for rows in table.values() for name, *_ in rows):
        return
    sections = []
    for title, rows in table.items():
        seconds = [done[name].stats.median / done[name].extra_info.get("units", 1) for name, *_ in rows]
        sections.append(
            {
                "title": title,
                "unit": rows[0][2],
                "rows": [
                    {"what": label, "seconds": one, "ratio": one / seconds[0]}
                    for (_, label, _), one in zip(rows, seconds, strict=True)
                ],
                "notes": [note for name, *_ in rows if (note := done[name].extra_info.get("note"))],
            }
        )
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{processor()}, {os.cpu_count()} cores, {numba.config.NUMBA_NUM_THREADS} threads",
        "versions": f"Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, "
        f"Numba {numba.__version__}",
        "sections": sections,
    }
    TABLE.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(result), encoding="utf-8")
    print(f"\nwrote {TABLE} and {PAGE}")


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
