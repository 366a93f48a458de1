"""The application: the page of Gradio, and headers by which a browser loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response

from omz_demo.web.opened import OpenModels
from omz_demo.web.page import make_page
from omz_demo.web.results import Results
from omz_demo.web.settings import Settings
from omz_demo.web.style import CSS, HEAD, theme

_POLICY = (
    "default-src 'self'; script-src 'self' blob: 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_LOCAL = ("127.0.0.1", "localhost", "::1")


def make_app(settings: Settings, models: OpenModels, folder: Path) -> FastAPI:
    """Return the application, which keeps its files in ``folder``."""
    page = make_page(settings, models, Results(folder / "results"))
    app = FastAPI(openapi_url=None)

    @app.middleware("http")
    async def stays_here(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    if settings.flags.host in _LOCAL:  # against pages of others, by a name that leads here
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*_LOCAL, "[::1]"])
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=settings.flags.host,
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=settings.flags.max_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        theme=theme(),
        css=CSS,
        head=HEAD,
    )
    return mounted
