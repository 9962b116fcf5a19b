"""The HTTP face of one served model: the routes of the Open Inference Protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from jupyter_mlops import __version__
from jupyter_mlops.registry.signatures import Predictor, Signature
from jupyter_mlops.serving.protocol import BadRequest, answer, metadata, parse

HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})
PORT = re.compile(r":\d+$")
INLINE_ROWS = 64
"""More rows than this are predicted in a thread, so that health checks still answer."""


@attrs.frozen(eq=False)
class Served:
    """A loaded model, the version it is, and the names besides this machine's own under which it answers."""

    version: str
    signature: Signature
    predictor: Predictor
    hosts: tuple[str, ...] = ()


class Holder:
    """The one model that is served now; replacing it is a single assignment."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.current: Served | None = None


def application(holder: Holder) -> ASGIApp:
    """The ASGI application that answers with whatever `holder` holds."""
    return _KnownHosts(_Application(holder).build(), holder)


class _KnownHosts:
    """Answers only under known names: a page of another site may point a name of its own at this machine."""

    def __init__(self, inner: ASGIApp, holder: Holder) -> None:
        self._inner = inner
        self._holder = holder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_known(scope):
            return await self._inner(scope, receive, send)
        refusal = _json({"error": "This host is not known here: name it in hosts under [serving] in mlops.toml."}, 421)
        return await refusal(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        named = [value for name, value in scope["headers"] if name == b"host"]
        host = PORT.sub("", named[0].decode("latin-1").lower()) if len(named) == 1 else ""
        return host in HERE or bool(self._holder.current and host in self._holder.current.hosts)


class _Application:
    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    def build(self) -> Starlette:
        model = "/v2/models/{name}"
        routes = [
            Route("/v2", self._server),
            Route("/v2/health/live", self._live),
            Route("/v2/health/ready", self._ready),
        ]
        for prefix in (model, f"{model}/versions/{{version}}"):
            routes += [
                Route(prefix, self._metadata),
                Route(f"{prefix}/ready", self._model_ready),
                Route(f"{prefix}/infer", self._infer, methods=["POST"]),
            ]
        handlers: Mapping[Any, Any] = {HTTPException: _http_error, BadRequest: _bad_request, Exception: _failure}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def _server(self, _: Request) -> Response:
        return _json({"name": "jupyter-mlops", "version": __version__, "extensions": []})

    async def _live(self, _: Request) -> Response:
        return _json({"live": True})

    async def _ready(self, _: Request) -> Response:
        ready = self._holder.current is not None
        return _json({"ready": ready}, 200 if ready else 503)

    async def _metadata(self, request: Request) -> Response:
        served = self._served(request)
        return _json(metadata(served.signature, self._holder.name, served.version))

    async def _model_ready(self, request: Request) -> Response:
        self._served(request)
        return _json({"name": self._holder.name, "ready": True})

    async def _infer(self, request: Request) -> Response:
        served = self._served(request)
        question = parse(await request.body(), served.signature)
        if question.rows <= INLINE_ROWS:
            outputs = served.predictor.predict(question.columns)
        else:
            outputs = await run_in_threadpool(served.predictor.predict, question.columns)
        return Response(answer(outputs, question, self._holder.name, served.version), media_type="application/json")

    def _served(self, request: Request) -> Served:
        """The model that the path names, taken once so that one answer never mixes two versions."""
        served = self._holder.current
        name, version = request.path_params["name"], request.path_params.get("version")
        if name != self._holder.name:
            raise HTTPException(404, f"There is no model {name} here, only {self._holder.name}.")
        if served is None:
            raise HTTPException(503, f"{name} is not loaded yet.")
        if version not in (None, served.version):
            raise HTTPException(404, f"{name} is served as {served.version}, not {version}.")
        return served


def _json(document: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json")


async def _http_error(_: Request, error: HTTPException) -> Response:
    return _json({"error": error.detail}, error.status_code)


async def _bad_request(_: Request, error: BadRequest) -> Response:
    return _json({"error": str(error)}, 400)


async def _failure(_: Request, error: Exception) -> Response:
    return _json({"error": f"The model failed: {type(error).__name__}: {error}"}, 500)
