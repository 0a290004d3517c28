"""``isacsim explore``: a local page to look at scenarios, data sets and captures."""

from __future__ import annotations

import socket
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isacsim.checks import check_integer
from isacsim.errors import InputError
from isacsim.terminal import Seed, output

if TYPE_CHECKING:
    from isacsim.explorer.folder import Folder

__all__ = ["explore"]

# What the extra brings.
_OF_THE_EXTRA = ("starlette", "uvicorn", "anyio", "h11")
_DEFAULT = "explore"


def explore(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[SCENARIO|STORE|FILE]",
            help="Scenario (shipped name or .yaml file), data set (a folder) or capture; files lie in this folder.",
        ),
    ] = _DEFAULT,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0: any free one.")] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address only; open no browser.")
    ] = False,
    seed: Seed = None,
) -> None:
    """Open a local page: sliders for targets, noise, window and antennas, with live spectra; data sets; captures.

    The page is at 127.0.0.1 only, for those who have its address. It shows only files of the folder that it is
    started in. Ctrl-C ends it.
    """
    check_integer("--port", port, least=0, most=65535)
    try:
        import uvicorn

        from isacsim.explorer.folder import Folder
        from isacsim.explorer.guard import new_token
        from isacsim.explorer.server import Explorer, application
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in _OF_THE_EXTRA:
            raise
        raise InputError(
            f"explore needs {error.name}, which is not installed: pip install 'isacsim[explore]'."
        ) from None
    folder = Folder(Path.cwd())
    opened = opened_by(source, folder)
    if seed is not None and opened[0] != "live":
        raise InputError(f"--seed is for scenarios; {source} is none.")
    explorer = Explorer(folder, opened, seed)
    if opened[0] == "live":
        explorer.scenario({"scenario": opened[1]})  # a scenario that cannot be is told here
    with _listening(port) as listener:
        port, token = listener.getsockname()[1], new_token()
        address = f"http://127.0.0.1:{port}/?token={token}"
        out = output()
        out.print(f"explorer: {address}", soft_wrap=True)
        out.print(f"It shows files of {folder.root}; Ctrl-C ends it.", soft_wrap=True)
        ticket = None
        if not no_browser:
            ticket = new_token()
            # A browser of the terminal would not give it back.
            once = f"http://127.0.0.1:{port}/?token={ticket}"
            threading.Thread(target=webbrowser.open, args=(once,), daemon=True).start()
        # Its log of requests would hold the token.
        config = uvicorn.Config(
            application(explorer, token=token, port=port, ticket=ticket),
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        uvicorn.Server(config).run(sockets=[listener])


def opened_by(source: str, folder: Folder) -> tuple[str, str]:
    """Tab and name that a command's argument means.

    Raises
    ------
    InputError
        If it is neither a shipped scenario nor anything in the folder.
    """
    from isacsim.scenario.catalogue import list_scenarios, load_scenario

    path = Path(source)
    scenario = path.suffix.lower() in (".yaml", ".yml")
    if not path.exists():
        if scenario or "." in source or "/" in source:
            raise InputError(f"{source}: no such file.")
        if source not in list_scenarios():
            load_scenario(source)  # says which there are
        return "live", source
    name = folder.name_of(path)
    if scenario:
        return "live", name
    return ("store" if path.is_dir() else "capture"), name


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        raise InputError(
            f"--port {port}: {error.strerror or error}; leave it out to take any free one."
        ) from error
    return listener
