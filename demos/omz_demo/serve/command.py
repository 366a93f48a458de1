"""``omz_demo serve``: start the service, and stop it well."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from omz.cli.command import omz_command
from omz.cli.printing import say
from omz.errors import EngineError, os_reason
from omz.extras import require
from omz_demo.flags import decorated
from omz_demo.serve.settings import ServeFlags, Settings, hand_to_workers, read_settings, shared_flags

LOOPBACK = ("127.", "::1", "localhost")
_CONNECTIONS = 1000
_MORE_SECONDS = 5  # in which an answer gets to its client


@omz_command()
@decorated({"Service": fields(ServeFlags), "Model and device": [*shared_flags()]})
def serve(**flags: Any) -> None:
    """Serve cutouts over HTTP, with the pixels of omz_demo.

    POST /api/remove takes an image as rembg's server does, POST /v1/mattes an image, its plate and options. The page
    /docs tells more. Ctrl-C and SIGTERM stop the service once the requests that run have ended.
    """
    require("fastapi", "uvicorn", "python_multipart")
    settings = read_settings(flags)
    port = free_port(settings.flags.host, settings.flags.port)
    prepare_process()
    _run(settings, flags, port)


def prepare_process() -> None:
    """Set up the process before there are threads: memory that is freed is kept, and BLAS has one thread."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from omz.malloc import keep_freed_memory

    keep_freed_memory()


def _run(settings: Settings, flags: Mapping[str, Any], port: int) -> None:
    import uvicorn

    from omz_demo.display import TerminalObserver
    from omz_demo.serve.app import make_app
    from omz_demo.serve.connections import Connection

    host, several = settings.flags.host, settings.flags.workers > 1
    app = make_app(settings, TerminalObserver(show=False))  # which says what is wrong, also for the processes
    if several:
        hand_to_workers(flags)
    if settings.flags.api_key_file is None and not host.startswith(LOOPBACK):
        say(f"warning: whoever reaches {host} can use this service; give --api_key_file FILE", err=True)
    say(f"serving {', '.join(settings.models)} on {url_of(host, port)}; see /docs; Ctrl-C stops")
    uvicorn.run(
        "omz_demo.serve.app:worker" if several else app,
        factory=several,
        workers=settings.flags.workers,
        host=host,
        port=port,
        http=Connection,
        ws="none",
        log_level="warning",
        access_log=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=seconds_to_stop(settings.flags),
        server_header=False,
    )


def seconds_to_stop(flags: ServeFlags) -> int:
    """Return the most seconds that a stop takes: those of an upload, of the work on it, and of the way back."""
    return int(2 * flags.max_seconds) + _MORE_SECONDS


def url_of(host: str, port: int) -> str:
    """Return the URL of an address, of IPv4 or IPv6."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0. Raises :class:`EngineError` where nothing can listen there."""
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(kind, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except (OSError, UnicodeError) as error:
        remedy = "choose others with --host and --port"
        raise EngineError(f"nothing can listen on {host}, port {port}: {os_reason(error)}; {remedy}") from error
