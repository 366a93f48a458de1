"""The application of a process: routes, the gate before them, and models that open when it starts."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from omz.cutout.observer import Observer
from omz.errors import OmzError
from omz_demo.serve.answers import GONE, answer, answer_of
from omz_demo.serve.gate import Gate, Keys, Limits
from omz_demo.serve.page import POLICY, page
from omz_demo.serve.rembg_routes import rembg_routes
from omz_demo.serve.routes import routes
from omz_demo.serve.service import Service
from omz_demo.serve.settings import Settings, handed_settings


def make_app(settings: Settings, observer: Observer) -> FastAPI:
    """Return the application. Raises :class:`OmzError` for settings that cannot be used."""
    service = Service(settings, observer)
    keys = Keys(settings.flags.api_key_file)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=service.models.open_all, args=(observer,), daemon=True).start()
        yield
        service.queue.close()

    app = FastAPI(
        title="Open Matting Zoo",
        description="Cut subjects out of images, with the pixels of omz_demo.",
        version=version("open-matting-zoo"),
        lifespan=lifespan,
        docs_url=None,  # whose page loads its scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # which leads to whatever host a request names
    )
    app.include_router(rembg_routes(service))
    app.include_router(routes(service))
    _add_page(app)
    _add_errors(app)
    limits = Limits(settings.flags.max_bytes, settings.flags.max_seconds)
    app.add_middleware(Gate, keys=keys, limits=limits, queue=service.queue, metrics=service.metrics)
    return app


def worker() -> FastAPI:
    """Return the application of one of several processes, by the settings that were left to it."""
    from omz_demo.display import TerminalObserver
    from omz_demo.serve.command import prepare_process

    prepare_process()
    return make_app(handed_settings(), TerminalObserver(show=False))


def _add_page(app: FastAPI) -> None:
    async def show(request: Request) -> HTMLResponse:
        text = page(app.openapi(), str(request.base_url).rstrip("/"))
        return HTMLResponse(text, headers={"Content-Security-Policy": POLICY})

    for path in ("/docs", "/api"):  # rembg has its page at /api
        app.add_route(path, show, include_in_schema=False)
    app.add_route("/", lambda request: RedirectResponse("/docs"), include_in_schema=False)


def _add_errors(app: FastAPI) -> None:
    """Have every error answered in one line."""

    @app.exception_handler(OmzError)
    async def expected(_: Request, error: OmzError) -> Response:
        return answer_of(error)

    @app.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> Response:
        return answer(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return answer(422, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=GONE)

    @app.exception_handler(MemoryError)
    async def full(_: Request, error: MemoryError) -> Response:
        return answer(503, "there is too little memory for the image; send a smaller one")

    @app.exception_handler(Exception)
    async def defect(_: Request, error: Exception) -> Response:
        return answer(500, "a defect of the server has stopped the request; its log tells more")
