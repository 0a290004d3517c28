"""Explorer's web application: one page, and what it asks for."""

from __future__ import annotations

import json
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic_core import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from isacsim import __version__
from isacsim.checks import check_choice, refusal
from isacsim.errors import InputError
from isacsim.explorer.captures import capture_overview
from isacsim.explorer.controls import MOST_POINTS, WINDOWS, Controls, antennas_fixed, initial, ranges
from isacsim.explorer.export import exported
from isacsim.explorer.folder import Folder
from isacsim.explorer.guard import Guard
from isacsim.explorer.live import LiveModel
from isacsim.explorer.stores import StoreBrowser
from isacsim.scenario.catalogue import list_scenarios, load_scenario
from isacsim.scenario.model import Scenario
from isacsim.scenario.yaml_file import read_text
from isacsim.spectrum.settings import Combine
from isacsim.terminal import sentences_of

__all__ = ["Explorer", "application"]

_PAGE = Path(__file__).parent / "page"
_ASSETS = {
    "style.css": "text/css",
    **{f"{name}.js": "text/javascript" for name in ("base", "draw", "live", "browse")},
}
# What the page asks is small.
_MOST_BYTES = 2**16
_Answer = Callable[[dict[str, Any]], dict[str, Any]]
_COMBINE: tuple[str, ...] = Combine.__args__  # type: ignore[attr-defined]


class Explorer:
    """Answers to the page's requests; each method takes and gives what JSON has.

    Parameters
    ----------
    folder : Folder
        Whose files may be shown.
    opened : tuple of (str, str)
        Tab to begin with (live, store or capture), and the name of what it shows.
    seed : int, optional
        To begin with; default: the scenario's.
    """

    def __init__(self, folder: Folder, opened: tuple[str, str], seed: int | None = None) -> None:
        self.folder = folder
        self.opened = opened
        self.live = LiveModel()
        self._seed = seed
        self._shipped = list_scenarios()
        self._read: tuple[tuple[Any, ...], Scenario] | None = None
        self._stores = StoreBrowser()

    def start(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the data that the page begins with."""
        return {
            "version": __version__,
            "tab": self.opened[0],
            "given": self.opened[1],
            "folder": self.folder.root.name or str(self.folder.root),
            "scenarios": self._shipped,
            "combine": _COMBINE,
            "windows": WINDOWS,
        }

    def scenario(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Controls of a scenario, as it draws them."""
        given = _text(asked, "scenario")
        loaded = self._loaded(given)
        controls, points = initial(loaded, seed=self._seed if given == self.opened[1] else None)
        moving = sorted({t.motion.kind for t in loaded.targets.configs()} - {"kinematics"})
        note = ""
        if controls.points is None:
            note = (
                "Its targets are bodies of many points, or more than there are sliders for: they stay as the scenario "
                "draws them."
            )
        elif moving:
            note = f"Its targets ({', '.join(moving)}) begin as points with the path kinematics of the window's centre."
        return {
            "name": loaded.name,
            "description": loaded.description,
            "controls": controls.model_dump(),
            "points": [point.model_dump() for point in points],
            "most": MOST_POINTS,
            "ranges": ranges(loaded, points),
            "antennas_fixed": antennas_fixed(loaded),
            "note": note,
        }

    def picture(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Pictures of what the controls say."""
        base, controls = self._asked(asked)
        return self.live.picture(base, controls, clean=asked.get("clean") is True)

    def estimate(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Paths found in it."""
        return self.live.estimate(*self._asked(asked))

    def stage(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Stage that is being made."""
        return {"stage": self.live.stage}

    def export(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Scenario file and program of it."""
        return dict(exported(*self._asked(asked), _text(asked, "scenario")))

    def files(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Entries of a folder."""
        under = asked.get("folder", "")
        if not isinstance(under, str):
            raise refusal("folder", "a text", under)
        return self.folder.listed(under)

    def sample(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Sample of a data set."""
        name = _text(asked, "store")
        return self._stores.sample(self.folder.store(name), name, asked)

    def capture(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Overview of a capture."""
        name = _text(asked, "file")
        return capture_overview(self.folder.file(name), name, asked)

    def _asked(self, asked: dict[str, Any]) -> tuple[Scenario, Controls]:
        return self._loaded(_text(asked, "scenario")), Controls.model_validate(asked.get("controls"))

    def _loaded(self, given: str) -> Scenario:
        """Scenario of a name; it is read once for all pictures of it, and again when its file has changed."""
        path = None
        if given.lower().endswith((".yaml", ".yml")):
            path = self.folder.file(given)
        else:
            check_choice("scenario", given, self._shipped)
        state = (given, path and (path.stat().st_mtime_ns, path.stat().st_size))
        if self._read is None or self._read[0] != state:
            # By its name in the folder: where the folder lies is nothing that a page need know.
            scenario = (
                load_scenario(given) if path is None else Scenario.from_yaml(read_text(path), file=given)
            )
            self._read = state, scenario
        return self._read[1]


def application(explorer: Explorer, *, token: str, port: int, ticket: str | None = None) -> ASGIApp:
    """ASGI application of an explorer, behind its guard.

    Parameters
    ----------
    explorer : Explorer
        What answers.
    token, ticket : str
        See :class:`isacsim.explorer.guard.Guard`.
    port : int
        Where the server listens.
    """

    async def page(request: Request) -> Response:
        text = (_PAGE / "index.html").read_text(encoding="utf-8")
        return Response(text.replace("{{token}}", token), media_type="text/html")

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            raise HTTPException(404)
        return Response((_PAGE / name).read_bytes(), media_type=_ASSETS[name])

    # Numba's threads must not be called by two at once.
    one_at_a_time = threading.Lock()

    def in_turn(how: _Answer) -> _Answer:
        def answer(asked: dict[str, Any]) -> dict[str, Any]:
            with one_at_a_time:
                return how(asked)

        return answer

    answers: dict[str, _Answer] = {"start": explorer.start, "stage": explorer.stage, "files": explorer.files}
    for name in ("scenario", "picture", "estimate", "export", "sample", "capture"):
        answers[name] = in_turn(getattr(explorer, name))
    routes = [Route("/", page), Route("/page/{name}", asset)]
    routes += [
        Route(f"/api/{name}", partial(_answer, how), methods=["POST"]) for name, how in answers.items()
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused})
    return Guard(app, token=token, port=port, ticket=ticket)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse(
        {"error": f"There is nothing at this address ({error.status_code})."}, error.status_code
    )


async def _answer(how: _Answer, request: Request) -> Response:
    """Answer in JSON; what the user can mend is a sentence."""
    try:
        asked = await _body(request)
        made = await run_in_threadpool(how, asked)
        return JSONResponse(made)
    except HTTPException as error:
        return JSONResponse({"error": error.detail}, error.status_code)
    except ValidationError as error:
        return JSONResponse({"error": "\n".join(sentences_of(error.errors()))}, 400)
    except InputError as error:
        return JSONResponse({"error": str(error)}, 400)
    except OSError as error:
        return JSONResponse({"error": f"{error.strerror or error}."}, 400)
    except ImportError as error:
        return JSONResponse({"error": f"This needs what is not installed: {error}."}, 400)
    except (ArithmeticError, MemoryError) as error:
        what = "not enough memory" if isinstance(error, MemoryError) else "numbers too large or too small"
        return JSONResponse({"error": f"Not to be computed: {what} ({error or type(error).__name__})."}, 400)
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return JSONResponse(
            {"error": "A fault of isacsim's own; the terminal that isacsim explore runs in shows it."}, 500
        )


async def _body(request: Request) -> dict[str, Any]:
    """Read the body of a request, up to the allowed length."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            raise HTTPException(413, f"A question must have at most {_MOST_BYTES} bytes.")
    try:
        asked = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "A question must be JSON.") from None
    if not isinstance(asked, dict):
        raise HTTPException(400, "A question must be a JSON mapping.")
    return asked


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise refusal(name, "a text", value)
    return value
