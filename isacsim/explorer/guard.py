"""Guard of the explorer: only its own page, opened by whoever started it, gets answers.

The address holds a token that no other page or user knows. ``Host`` must be this machine's. So a foreign name that is
made to resolve to 127.0.0.1 (DNS rebinding) gets nothing. ``Origin`` must be the page's own. Everything that changes
or reads is a POST of JSON with an ``Origin``, which no form of a foreign page can send.
"""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["TOKEN_HEADER", "Guard", "new_token"]

TOKEN_HEADER = "x-isacsim-token"
"""Header in which the page sends its token."""

_NAMES = ("127.0.0.1", "localhost")
_OWN = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def new_token() -> str:
    """Random text of 256 bits, as addresses take it."""
    return secrets.token_urlsafe(32)


class Guard:
    """Refuse what does not come from the page.

    Parameters
    ----------
    app : ASGI application
        What answers the rest.
    token : str
        That every request must carry: ``?token=`` of the address, or the header.
    port : int
        Where the server listens.
    ticket : str, optional
        Opens the page once, in the token's place. A browser is started with it: other users of the machine can read
        what a program is started with.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int, ticket: str | None = None) -> None:
        self._app = app
        self._token = token
        self._ticket = ticket
        self._hosts = {f"{name}:{port}" for name in _NAMES} | (set(_NAMES) if port == 80 else set())
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_OWN)
            await send(message)

        if refused := self._refused(scope):
            status, why = refused
            await JSONResponse({"error": why}, status)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason, None for what may pass."""
        headers, method = Headers(scope=scope), scope["method"]
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 403, "The explorer answers at 127.0.0.1 and localhost only."
        if len(origins) > 1 or any(origin.lower() not in self._origins for origin in origins):
            return 403, "The explorer answers its own page only; this request came from another site."
        if method not in ("GET", "HEAD", "POST"):
            return 405, "The explorer takes GET and POST only."
        if method == "POST":
            if not origins:
                return 403, "A POST must say where it comes from (Origin)."
            if headers.get("sec-fetch-site", "same-origin") != "same-origin":
                return 403, "The explorer answers its own page only; this request came from another site."
            if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                return 415, "A POST must be JSON (Content-Type: application/json)."
        given = headers.getlist(TOKEN_HEADER)
        given += parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if len(given) == 1 and method == "GET" and scope["path"] == "/" and _same(given[0], self._ticket):
            self._ticket = None
            return None
        if len(given) != 1 or not _same(given[0], self._token):
            return 403, "The address lacks its token: open the one that isacsim explore printed."
        return None


def _same(given: str, kept: str | None) -> bool:
    """Compare in a time that tells nothing of where the two differ."""
    return kept is not None and secrets.compare_digest(given.encode(), kept.encode())
