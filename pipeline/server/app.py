"""The HTTP interface: `POST /api/faces`, `GET /api/models`, and a page that describes them.

A request passes the checks of `_admit` (who asks, how often) before its body is read; the body is
bounded in bytes and time; the work is done in as many threads as there are cores.
"""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import TypeVar

import cv2
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message

from pipeline.data.images import MAX_BYTES
from pipeline.errors import UserError
from pipeline.network import is_this_machine
from pipeline.report.model_list import model_entries
from pipeline.runs import RunTable, find_model
from pipeline.server.limits import Load, RateLimit
from pipeline.server.openapi import DETECTOR, MODEL, openapi
from pipeline.server.recognition import recognize_photo
from pipeline.vision.detectors import find_detector

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
        self._threads = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="faces")
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
        entries = await self._in_thread(lambda: model_entries(self._runs.models()))
        return JSONResponse([entry.document for entry in entries])

    async def _faces(self, request: Request) -> Response:
        given = _options(request, {"model": MODEL, "detector": DETECTOR, "cropped": "false"})
        model, detector, cropped = given["model"], given["detector"], given["cropped"].lower()
        if cropped not in (*_TRUE, *_FALSE):
            raise UserError(f"cropped is '{given['cropped']}': it is true or false.")
        try:
            find_model(model)
        except UserError as error:
            raise HTTPException(404, str(error)) from error
        find_detector(detector)
        held = 0

        def hold(n: int) -> None:
            nonlocal held
            if self._load.full(n):
                raise _busy()
            self._load.bytes += n
            held += n

        try:
            body = await self._read(request, hold)
            content, name = await _image_of(request, body)
            photo = await self._in_thread(
                lambda: recognize_photo(content, name, model, detector, cropped in _TRUE)
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
            raise HTTPException(
                400, "The connection was closed before the image had come."
            ) from error
        return b"".join(chunks)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
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

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async with Request(request.scope, receive).form(max_files=2, max_fields=2) as form:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if len(files) != 1 or len(form) != 1:
            raise UserError("The form must have one file, the image, and nothing else.")
        return await files[0].read(), files[0].filename or "image"


def _asks_from_here(request: Request) -> bool:
    """Whether this machine asks, by its own name, and no page of another site does.

    A page that a browser shows could reach a server of this machine by DNS rebinding, else.
    """
    forwarded = request.headers.get("X-Forwarded-For", "")
    origin = request.headers.get("Origin", "")
    host = request.url.hostname
    return (
        is_this_machine(host)
        and all(is_this_machine(each.strip()) for each in forwarded.split(",") if each)
        and (not origin or origin == f"{request.url.scheme}://{request.url.netloc}")
    )


def _busy() -> HTTPException:
    return HTTPException(503, "The server is busy: try again.", {"Retry-After": "1"})


async def _error(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, HTTPException) else HTTPException(500)
    return JSONResponse({"error": known.detail}, known.status_code, known.headers)


async def _mistake(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _failure(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "The server failed on this request; its log says why."}, 500)
