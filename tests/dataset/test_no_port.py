"""Local workers have no door: nothing listens, so nobody can connect, with or without credentials."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

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
