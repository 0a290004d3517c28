"""``isacsim explore``: what it opens, what it refuses, where it listens."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isacsim.cli import app
from isacsim.commands.explore import opened_by
from isacsim.explorer.folder import Folder


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["explore", "--no-browser", *(str(a) for a in arguments)])
    assert result.exit_code == 2, result.output
    return result.stderr


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    inside = tmp_path / "inside"
    (inside / "small.zarr").mkdir(parents=True)
    (inside / "walk.dat").write_bytes(b"x")
    (inside / "mine.yaml").write_text("name: mine\n", encoding="utf-8")
    (tmp_path / "outside.dat").write_bytes(b"x")
    monkeypatch.chdir(inside)
    return inside


@pytest.mark.parametrize(
    ("source", "opened"),
    [
        ("explore", ("live", "explore")),
        ("lab", ("live", "lab")),
        ("mine.yaml", ("live", "mine.yaml")),
        ("small.zarr", ("store", "small.zarr")),
        ("walk.dat", ("capture", "walk.dat")),
        ("./walk.dat", ("capture", "walk.dat")),
    ],
)
def test_the_argument_says_which_tab(here: Path, source: str, opened: tuple[str, str]) -> None:
    assert opened_by(source, Folder(here)) == opened


def test_what_cannot_be_opened_ends_in_a_sentence(here: Path) -> None:
    assert "no scenario named 'labb'; did you mean lab?" in refused("labb")
    assert "absent.yaml: no such file" in refused("absent.yaml")
    assert "outside.dat: only names within" not in refused("../outside.dat")
    assert "start it in a folder that holds the file" in refused("../outside.dat")
    assert "mine.yaml" in refused("mine.yaml")  # it lacks nearly everything
    assert "--seed is for scenarios" in refused("walk.dat", "--seed", 3)
    assert "--port must be an integer from 0 to 65535" in refused("--port", 70000)


def test_a_port_in_use_is_named(here: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port {port}: Address already in use" in refused("--port", port)


def test_without_the_extra_it_says_what_to_install(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "explore needs uvicorn, which is not installed: pip install 'isacsim[explore]'." in refused()


def test_a_browser_is_started_with_what_opens_the_page_once(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other users of the machine can read what a program is started with."""
    opened, served, started = [], [], threading.Event()
    monkeypatch.setattr("webbrowser.open", lambda address: (opened.append(address), started.set()))
    monkeypatch.setattr("uvicorn.Server.run", lambda server, sockets: served.append(server.config.app))
    result = CliRunner().invoke(app, ["explore"])
    assert result.exit_code == 0, result.output
    assert started.wait(10)
    printed = re.search(r"http://\S+", result.output)
    assert printed is not None and len(opened) == len(served) == 1
    assert opened[0] != printed[0] and opened[0].split("=")[0] == printed[0].split("=")[0]
    opened.clear()
    CliRunner().invoke(app, ["explore", "--no-browser"])
    assert not opened


def test_it_listens_on_this_machine_alone_and_ends_at_ctrl_c(here: Path) -> None:
    command = [sys.executable, "-m", "isacsim", "explore", "--no-browser"]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=here, env=os.environ | {"PYTHONUNBUFFERED": "1"}, **how) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", process.stdout.readline())
            assert address is not None
            port, token = int(address[1]), address[2]
            with urllib.request.urlopen(address[0], timeout=30) as page:
                assert page.status == 200
                assert "server" not in {name.lower() for name in page.headers}
            own = {"Origin": f"http://127.0.0.1:{port}", "X-Isacsim-Token": token}
            own["Content-Type"] = "application/json"
            question = urllib.request.Request(f"http://127.0.0.1:{port}/api/start", b"{}", own)
            with urllib.request.urlopen(question, timeout=30) as answer:
                assert json.load(answer)["given"] == "explore"
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30)
            # Another address of this machine finds nobody.
            with socket.socket() as other:
                other.settimeout(5)
                with pytest.raises(OSError, match="refused"):
                    other.connect(("127.0.0.2", port))
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert token not in out + err  # after the first line
    assert "Traceback" not in err
