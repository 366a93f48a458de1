"""``omz_demo web``: start the page, and stop it well."""

from __future__ import annotations

import os
import tempfile
import threading
import webbrowser
from dataclasses import fields
from pathlib import Path
from typing import Any

from omz.cli.command import omz_command
from omz.cli.printing import say
from omz.extras import require
from omz_demo.flags import decorated
from omz_demo.serve.command import LOOPBACK, free_port, prepare_process, url_of
from omz_demo.serve.settings import shared_flags
from omz_demo.web.settings import Settings, WebFlags, read_settings

_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "GRADIO_NUM_PORTS": "1",
}
"""Variables that keep Gradio from asking its makers for anything."""


@omz_command()
@decorated({"Page": fields(WebFlags), "Model and device": [*shared_flags()]})
def web(**flags: Any) -> None:
    """Show a page on which you drop pictures and videos, to cut subjects out, with the pixels of omz_demo.

    It compares models with their conversions, too, and lists those at hand. Everything stays on this machine: the page
    loads nothing from elsewhere. Ctrl-C and SIGTERM stop it.
    """
    require("gradio")
    settings = read_settings(flags)
    port = free_port(settings.flags.host, settings.flags.port)
    prepare_process()
    with tempfile.TemporaryDirectory(prefix="omz-web-", ignore_cleanup_errors=True) as folder:
        os.environ.update(_QUIET, GRADIO_TEMP_DIR=folder)
        _run(settings, port, Path(folder))


def _run(settings: Settings, port: int, folder: Path) -> None:
    from omz_demo.display import TerminalObserver
    from omz_demo.web.opened import OpenModels

    models = OpenModels(settings, TerminalObserver(show=False))
    threading.Thread(target=models.warm_up, daemon=True).start()  # compiles while the packages of the page load
    import uvicorn

    from omz_demo.web.app import make_app

    host = settings.flags.host
    app = make_app(settings, models, folder)
    url = url_of(host, port)
    if not host.startswith(LOOPBACK):
        say(f"warning: whoever reaches {host} can use this page, and have models downloaded", err=True)
    say(f"the page is at {url}; Ctrl-C stops")
    if settings.flags.open:
        threading.Timer(1.0, webbrowser.open, (url,)).start()
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,  # pages that are open keep a connection
        server_header=False,
    )
