"""The HTTP interface: `POST /api/faces`, `GET /api/models`, and a page that describes them.

A request passes the checks of `_admit` (who asks, how often) before its body is read; the body is
bounded in bytes and time; the work is done in as many threads as there are cores.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Any, TypeVar

import cv2
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pipeline.data.images import MAX_BYTES, ImageError
from pipeline.errors import UserError
from pipeline.network import is_this_machine
from pipeline.report.model_list import model_documents
from pipeline.runs import Run, RunTable, find_model
from pipeline.server.limits import Load, RateLimit
from pipeline.server.openapi import DETECTOR, MODEL, openapi
from pipeline.server.recognition import recognize_photo
from pipeline.vision.detectors import available_detectors

PER_S = 60.0
MAX_REQUESTS, MAX_HELD_BYTES = 64, 256 * 2**20
BODY_S = 30.0
_MULTIPART_BYTES = 4096  # beside the image
_PAGE = Path(__file__).with_name("docs.html")
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; form-action 'none'"
}
_TRUE, _FALSE = ("1", "true", "yes"), ("0", "false", "no")

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
_T = TypeVar("_T")


class Api:
    """The handlers of the interface and what they share.

    Args:
        token: that requests must have; empty for none, for this machine alone.
        per_s: requests per second of one client, 0 for no limit.
        max_bytes: of an image.
        body_s: seconds within which a request's body must have come.
    """

    def __init__(
        self,
        token: str = "",
        per_s: float = PER_S,
        max_bytes: int = MAX_BYTES,
        body_s: float = BODY_S,
    ) -> None:
        self._token, self._max_bytes, self._body_s = token, max_bytes, body_s
        self._rate, self._load = RateLimit(per_s), Load(MAX_REQUESTS, MAX_HELD_BYTES)
        threads = os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="faces")
        self._free_threads = asyncio.Semaphore(threads)
        self._runs = RunTable()

    def app(self) -> Starlette:
        """Return the ASGI application."""
        cv2.setNumThreads(1)  # the requests run in parallel
        return Starlette(
            routes=[
                Route("/api/faces", self._admitted(self._faces), methods=["POST"]),
                Route("/api/models", self._admitted(self._models), methods=["GET"]),
                Route("/api/openapi.json", self._openapi, methods=["GET"]),
                Route("/api/docs", self._docs, methods=["GET"]),
            ],
            exception_handlers={HTTPException: _error, UserError: _mistake, Exception: _failure},
        )

    def _admitted(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            self._admit(request)
            if self._load.full():
                raise _busy()
            self._load.requests += 1
            try:
                return await handler(request)
            finally:
                self._load.requests -= 1

        return checked

    def _admit(self, request: Request) -> None:
        """Refuse requests without the token, from elsewhere without one, and too many."""
        if self._token:
            given = request.headers.get("Authorization", "")
            wanted = f"Bearer {self._token}"
            if not secrets.compare_digest(given.encode(), wanted.encode()):
                raise HTTPException(
                    401,
                    "The token is missing or wrong: send 'Authorization: Bearer …' with the "
                    "server's EMOTION_API_TOKEN.",
                    {"WWW-Authenticate": "Bearer"},
                )
        elif not _asks_from_here(request):
            raise HTTPException(
                403,
                "Without a token the server answers this machine's own programs alone: start it "
                "with EMOTION_API_TOKEN.",
            )
        wait_s = self._rate.wait_s(request.client.host if request.client else "")
        if wait_s:
            raise HTTPException(
                429, "Too many requests: wait.", {"Retry-After": str(max(1, ceil(wait_s)))}
            )

    async def _models(self, request: Request) -> Response:
        _options(request, {})
        documents = await asyncio.to_thread(lambda: model_documents(self._runs.models()))
        return JSONResponse(documents)

    async def _faces(self, request: Request) -> Response:
        given = _options(request, {"model": MODEL, "detector": DETECTOR, "cropped": "false"})
        model, detector, cropped = given["model"], given["detector"], given["cropped"].lower()
        if cropped not in (*_TRUE, *_FALSE):
            raise UserError(f"cropped is '{given['cropped']}': it is true or false.")
        if detector not in (known := available_detectors()):
            raise UserError(f"Unknown detector '{detector}'. Choose from: {', '.join(known)}.")
        run = await asyncio.to_thread(_model_of, model)
        held = 0

        def hold(n: int) -> None:
            nonlocal held
            if self._load.full(n):
                raise _busy()
            self._load.bytes += n
            held += n

        try:
            content, name = await _image_of(request, await self._read(request, hold))
            photo = await self._in_thread(
                request, lambda: _photo(content, name, run, detector, cropped in _TRUE)
            )
        finally:
            self._load.bytes -= held
        return JSONResponse([photo])

    async def _read(self, request: Request, hold: Callable[[int], None]) -> bytes:
        """Return the body of a request, bounded in bytes and time."""
        largest = self._max_bytes + _MULTIPART_BYTES
        too_large = HTTPException(
            413, f"The image is too large: at most {self._max_bytes / 2**20:g} MB are accepted."
        )
        if int(request.headers.get("Content-Length", 0)) > largest:
            raise too_large
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._body_s):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > largest:
                        raise too_large
                    if chunk:
                        hold(len(chunk))
                        chunks.append(chunk)
        except TimeoutError as error:
            text = f"The image did not come within {self._body_s:g} seconds."
            raise HTTPException(408, text, {"Connection": "close"}) from error
        except ClientDisconnect as error:
            raise _gone() from error
        return b"".join(chunks)

    async def _in_thread(self, request: Request, work: Callable[[], _T]) -> _T:
        """Wait for a free thread and return the result of some work in it.

        The body must have been read: the check whether the client has left drops the rest of it.
        """
        async with self._free_threads:
            if await request.is_disconnected():
                raise _gone()
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _openapi(self, request: Request) -> Response:
        return JSONResponse(openapi(self._max_bytes, bool(self._token)))

    async def _docs(self, request: Request) -> Response:
        return HTMLResponse(_PAGE.read_text(), headers=_PAGE_HEADERS)


def _options(request: Request, defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the query parameters, each given once at most, with the defaults of the others."""
    pairs = request.query_params.multi_items()
    for name, _ in pairs:
        if name not in defaults:
            known = ", ".join(defaults) or "there are none"
            raise UserError(f"Unknown query parameter '{name}'. Choose from: {known}.")
    if len({name for name, _ in pairs}) < len(pairs):
        raise UserError("A query parameter is given twice: give each once.")
    return {**defaults, **dict(pairs)}


async def _image_of(request: Request, body: bytes) -> tuple[bytes, str]:
    """Return the image of a body and its name: the body itself, or the one file of a form."""
    if not request.headers.get("Content-Type", "").startswith("multipart/form-data"):
        return body, "image"

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(request.headers, stream(), max_files=2, max_fields=2)
    parser.spool_max_size = len(body)  # nothing is written to a temporary file
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, error.message) from error
    try:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if len(files) != 1 or len(form) != 1:
            raise UserError("The form must have one file, the image, and nothing else.")
        return await files[0].read(), files[0].filename or "image"
    finally:
        await form.close()


def _model_of(name: str) -> Run:
    try:
        return find_model(name)
    except UserError as error:
        raise HTTPException(404, str(error)) from error


def _photo(content: bytes, name: str, model: Run, detector: str, cropped: bool) -> dict[str, Any]:
    try:
        return recognize_photo(content, name, model, detector, cropped)
    except ImageError as error:
        raise HTTPException(400, f"{name} {error}.") from error
    except UserError as error:  # its sentence is for whoever runs the server: it has paths
        _log.error("%s", error)
        raise HTTPException(
            500, "The model or the face detector cannot be loaded: the server's log says why."
        ) from error


def _asks_from_here(request: Request) -> bool:
    """Whether this machine asks, by its own name, and no page of another site does.

    A page that a browser shows could reach a server of this machine by DNS rebinding, else.
    """
    headers = request.headers
    by_proxies = [
        address.strip()
        for name in ("X-Forwarded-For", "X-Real-IP")
        for value in headers.getlist(name)
        for address in value.split(",")
    ]
    origin = headers.get("Origin", "")
    host = request.url.hostname
    return (
        is_this_machine(host)
        and all(map(is_this_machine, by_proxies))
        and not ("Forwarded" in headers or "Via" in headers)
        and (not origin or origin == f"{request.url.scheme}://{request.url.netloc}")
    )


def _gone() -> HTTPException:
    return HTTPException(400, "The connection was closed before the answer.")


def _busy() -> HTTPException:
    return HTTPException(503, "The server is busy: try again.", {"Retry-After": "1"})


async def _error(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, HTTPException) else HTTPException(500)
    return JSONResponse({"error": known.detail}, known.status_code, known.headers)


async def _mistake(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _failure(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "The server failed on this request; its log says why."}, 500)
