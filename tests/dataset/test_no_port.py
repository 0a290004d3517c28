"""Local workers have no door: nothing listens, so nobody can connect, with or without credentials."""

from __future__ import annotations

import ast
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import isacsim

COMMAND = ["generate", "single_target", "-n", "400", "--chunk", "4", "--workers", "2", "--no-progress"]


def doors(pids):
    """Addresses at which the processes listen, TCP and Unix sockets alike."""
    found = []
    for pid in pids:
        for one in psutil.Process(pid).net_connections(kind="all"):
            if one.status == psutil.CONN_LISTEN or (one.family == socket.AF_UNIX and one.laddr):
                found.append((pid, one.laddr))
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into other processes' sockets")
def test_nothing_listens_while_workers_work(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:  # what it would look like
        assert doors([os.getpid()])
        with socket.create_connection(server.getsockname()):
            pass
    command = [sys.executable, "-m", "isacsim", *COMMAND, "-o", str(tmp_path / "a.zarr")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        # A chunk of the first worker lies there: they are at work.
        written, until = tmp_path / "a.zarr" / "aj_noisy" / "c", time.monotonic() + 60
        while not written.is_dir() and time.monotonic() < until:
            time.sleep(0.05)
        assert written.is_dir() and process.poll() is None
        family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        assert len(family) >= 3
        assert doors(family) == []
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_dask_is_where_the_users_own_cluster_is_connected_to_and_nowhere_else():
    """A dask cluster made here would listen: anybody who reaches its port could run code."""
    root = Path(isacsim.__file__).parent.parent
    users = set()
    for path in [
        *(root / "isacsim").rglob("*.py"),
        *(root / "dira").rglob("*.py"),
        *(root / "validation").rglob("*.py"),
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
                "Client",
                "LocalCluster",
            ):
                users.add(path.relative_to(root).as_posix())
    assert users == {"isacsim/dataset/synthetic/workers.py"}
