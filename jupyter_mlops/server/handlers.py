"""The routes: thin, guarded, and derived from the verbs.

Imported when the server starts: so whatever an answer needs is in ``answers``, imported with the first request.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.http1connection import HTTP1Connection
from tornado.web import HTTPError, stream_request_body
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from jupyter_mlops.errors import Denied, EnvironmentFault, MlopsError, UnknownReference, UsageError
from jupyter_mlops.server import BASE

if TYPE_CHECKING:
    from jupyter_mlops.server.answers import Desk
    from jupyter_mlops.server.extension import MlopsExtension
    from jupyter_mlops.server.sight import Topics
    from jupyter_mlops.verbs.declaration import Verb

RESOURCE = "mlops"
BODY_LIMIT_BYTES = 1_000_000
CUT_BYTES = 10 * BODY_LIMIT_BYTES
"""A body up to here is let run out unread, so that its sender hears why; a longer one is cut off."""
MESSAGE_LIMIT_BYTES = 1024

Answer = TypeVar("Answer")


class Guarded(JupyterHandler):
    """Asks who it is and whether they may, before any method runs; no method has to remember to."""

    auth_resource = RESOURCE

    async def prepare(self, **options: Any) -> None:
        """Let in only whom both Jupyter's identity provider and its authorizer let in.

        Raises
        ------
        HTTPError
            401 for nobody, 403 for whom the authorizer denies.
        """
        self.extension.touch()
        waiting = super().prepare(**options)
        if waiting is not None:
            await waiting
        if self.request.method == "OPTIONS":
            return
        if self.current_user is None:
            raise HTTPError(HTTPStatus.UNAUTHORIZED)
        action = self.needed_action()
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, RESOURCE)):
            raise HTTPError(HTTPStatus.FORBIDDEN, f"The server's authorizer denies {action} on {RESOURCE}.")

    def on_finish(self) -> None:
        """Note that somebody was here until now: a long answer is no rest."""
        super().on_finish()
        self.extension.touch()

    def needed_action(self) -> str:
        """What the authorizer is asked: ``read``, ``write`` or ``execute``."""
        return "read" if self.request.method in ("GET", "HEAD") else "execute"

    @property
    def extension(self) -> MlopsExtension:
        """The server extension."""
        extension: MlopsExtension = self.settings["jupyter_mlops"]
        return extension

    async def in_thread(self, work: Callable[[], Answer]) -> Answer:
        """Do `work` in one of a few threads, so that Jupyter goes on answering."""
        return await asyncio.get_running_loop().run_in_executor(self.extension.readers, work)

    @property
    def project(self) -> str:
        """The folder named in the query, relative to the server's root."""
        from jupyter_mlops.server.requests import single

        return single(self.request.query_arguments, "project")

    @property
    def root(self) -> Path:
        """The root of the server."""
        return Path(self.serverapp.root_dir) if self.serverapp else Path.cwd()

    def folder(self) -> Path:
        """The folder that the query is about."""
        from jupyter_mlops.server.requests import folder_below

        return folder_below(self.root, self.project)

    def write_error(self, status_code: int, **details: Any) -> None:
        """Every error is one document; none shows a traceback."""
        raised = details["exc_info"][1] if details.get("exc_info") else None
        if isinstance(raised, MlopsError):
            error, status = raised, raised.http_status
        else:
            status = self._status(status_code)
            error = _of_status(status, (raised.log_message or "") if isinstance(raised, HTTPError) else "")
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(error.as_json()))

    def _status(self, given: int) -> int:
        """Jupyter says 403 to nobody as well; accidents are a fault of the environment."""
        if given == HTTPStatus.FORBIDDEN and self.current_user is None and self.check_host():
            return HTTPStatus.UNAUTHORIZED
        return HTTPStatus.SERVICE_UNAVAILABLE if given >= HTTPStatus.INTERNAL_SERVER_ERROR else given

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """An error of ours is an answer, not an accident."""
        if not isinstance(value, MlopsError):
            super().log_exception(typ, value, tb)


def _of_status(status: int, said: str) -> MlopsError:
    """What Jupyter or tornado refused, in our words."""
    if status == HTTPStatus.UNAUTHORIZED:
        return Denied("unauthenticated", "Nobody is logged in.", hint="Log in to the Jupyter server.")
    if status == HTTPStatus.FORBIDDEN:
        return Denied("forbidden", "The server refused the request.", context=said)
    if status == HTTPStatus.NOT_FOUND:
        return UnknownReference("unknown-route", "There is nothing at this address.", hint=f"{BASE}/openapi.json")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return UsageError("bad-request", "The request was not understood.", context=said, hint=f"{BASE}/openapi.json")
    return EnvironmentFault("internal", "The server met an error we did not foresee.", hint="See the server's log.")


@stream_request_body
class RestHandler(Guarded, APIHandler):
    """A route that speaks JSON; a body is read only after its sender was let in."""

    async def prepare(self, **options: Any) -> None:
        """Let in whom `Guarded` lets in; a body that is far too long is cut off by tornado."""
        self._body = bytearray()
        if isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.set_max_body_size(CUT_BYTES)
        await super().prepare(**options)

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, unless it is refused anyway."""
        if len(self._body) <= BODY_LIMIT_BYTES:
            self._body += chunk

    def body(self) -> bytes:
        """The whole body.

        Raises
        ------
        UsageError
            ``body-too-large``.
        """
        if len(self._body) > BODY_LIMIT_BYTES:
            limit = f"At most {BODY_LIMIT_BYTES:,} bytes are read."
            raise UsageError("body-too-large", "The request is too long.", context=limit)
        return bytes(self._body)

    def answer(self, result: object, status: int = HTTPStatus.OK) -> None:
        """Send `result`; an ETag lets a browser that has it already be told so."""
        import msgspec

        self.set_status(status)
        self.finish(msgspec.json.encode(result))

    @property
    def desk(self) -> Desk:
        """What the visitor may ask."""
        from jupyter_mlops.server.answers import Desk

        return Desk(self.root, self.extension.private_jobs, self.current_user)


class VerbHandler(RestHandler):
    """``/mlops/v1/VERB``: GET for reading verbs, POST for all others."""

    def needed_action(self) -> str:
        """Running, releasing and administering start work; the rest of POST writes."""
        from jupyter_mlops.server.answers import starts_work

        if self.request.method != "POST":
            return super().needed_action()
        try:
            return "execute" if starts_work(self._verb()) else "write"
        except HTTPError:
            return "execute"

    def _verb(self) -> Verb:
        from jupyter_mlops.server.answers import verb_at

        try:
            return verb_at(self.path_args[0])
        except UnknownReference as error:
            raise HTTPError(HTTPStatus.NOT_FOUND) from error

    def _allowed(self, *, reads: bool) -> Verb:
        verb = self._verb()
        if verb.reads is not reads:
            raise HTTPError(HTTPStatus.METHOD_NOT_ALLOWED, f"`{verb.name}` is {_method(verb)}.")
        return verb

    def write_error(self, status_code: int, **details: Any) -> None:
        """As every route, and name the method that is there."""
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED and self.current_user:
            with suppress(HTTPError):
                self.set_header("Allow", _method(self._verb()))
        super().write_error(status_code, **details)

    async def get(self, _: str) -> None:
        """Answer with the verb's result."""
        from jupyter_mlops.server.answers import read

        verb = self._allowed(reads=True)
        query = self.request.query_arguments
        self.answer(await self.in_thread(lambda: read(verb, query, self.folder(), self.current_user)))

    async def post(self, _: str) -> None:
        """Start a job and answer with its id."""
        verb = self._allowed(reads=False)
        if not self.request.headers.get("Content-Type", "").startswith("application/json"):
            raise UsageError("bad-body", "The body is not marked as application/json.")
        body = self.body()
        self.answer(await self.in_thread(lambda: self.desk.start(verb, body)), HTTPStatus.ACCEPTED)


def _method(verb: Verb) -> str:
    return "GET" if verb.reads else "POST"


class JobsHandler(RestHandler):
    """``/mlops/v1/jobs``."""

    async def get(self) -> None:
        """List the jobs, without their results."""
        self.answer(await self.in_thread(lambda: self.desk.jobs(self.folder())))


class JobHandler(RestHandler):
    """``/mlops/v1/jobs/ID``."""

    async def get(self, job: str) -> None:
        """Show one job."""
        self.answer(await self.in_thread(lambda: self.desk.job(self.folder(), job)))

    async def delete(self, job: str) -> None:
        """Stop a job."""
        self.answer(await self.in_thread(lambda: self.desk.cancel(self.folder(), job)))


class CatalogueHandler(RestHandler):
    """``/mlops/v1/verbs``."""

    async def get(self) -> None:
        """List the verbs and what the user may do."""
        self.answer(await self.in_thread(lambda: self.desk.catalogue(self.folder())))


class OpenApiHandler(RestHandler):
    """``/mlops/v1/openapi.json``."""

    async def get(self) -> None:
        """Describe this interface."""
        from jupyter_mlops.server.openapi import document

        self.answer(document())


class WatchHandler(WebSocketMixin, WebSocketHandler, Guarded):
    """``/mlops/v1/watch``: the first message names nothing and means "from now on"."""

    _folder: Path
    _is_joined = False
    _is_gone = False

    @property
    def max_message_size(self) -> int:
        """A panel has nothing to say here."""
        return MESSAGE_LIMIT_BYTES

    async def get(self, *_: Any, **__: Any) -> None:
        """Open the socket, unless the folder is none of this server's."""
        self._folder = await self.in_thread(self.folder)
        await super().get()

    async def open(self) -> None:
        """Begin to watch."""
        super().open()
        self.extension.upkeep.opened(self._folder)
        await self.extension.watches.join(self._folder, self._tell)
        self._is_joined = True
        if self._is_gone:
            self.extension.watches.leave(self._folder, self._tell)
        else:
            self._tell(frozenset())

    def on_message(self, message: str | bytes) -> None:
        """Ignore what is said."""

    def on_close(self) -> None:
        """Watch no more for this panel."""
        self._is_gone = True
        if self._is_joined:
            self.extension.watches.leave(self._folder, self._tell)
        super().on_close()

    def _tell(self, topics: Topics) -> None:
        import msgspec

        from jupyter_mlops.server.documents import Changed

        try:
            waiting = self.write_message(msgspec.json.encode(Changed(tuple(sorted(topics)))).decode())
        except WebSocketClosedError:
            return
        # A panel that went away is no accident; on_close follows.
        waiting.add_done_callback(lambda sent: sent.exception())
