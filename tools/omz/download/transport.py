"""Transport: bytes from an address of any kind."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, url2pathname

import httpx

from omz.checksum import CHUNK, open_file
from omz.download.answer import Body, Refused, Retryable, is_header_value, read_answer
from omz.download.policy import Policy
from omz.download.watchdog import Watchdog
from omz.errors import os_reason
from omz.text import printable
from omz.zoo.model_file import hugging_face

_USER_AGENT = "open-matting-zoo"
_ENDINGS = ("peer closed connection", "Server disconnected")


@dataclass(frozen=True)
class Answer:
    """An answer that has begun: the part of the file in its body, and the body in chunks."""

    body: Body
    chunks: Iterator[bytes]


class Transport:
    """Opens addresses: https, http, and files below ``file_roots``; may be used from several threads.

    Proxies and certificates are those of the environment (``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE``,
    ``SSL_CERT_DIR``). Use it in a ``with`` block.
    """

    def __init__(self, policy: Policy, file_roots: tuple[Path, ...]) -> None:
        self._policy = policy
        self._file_roots = set(map(Path.resolve, file_roots))
        self._client: httpx.Client | None = None
        self._making = threading.Lock()

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client:
            self._client.close()

    def _http(self) -> httpx.Client:
        """Return the client, made on first use, for bad settings matter only then."""
        with self._making:
            if self._client is None:
                try:
                    self._client = _make_client(self._policy)
                except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
                    raise Refused(
                        "the proxies or certificates set in the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, "
                        f"NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR) cannot be used: {printable(str(error))}"
                    ) from error
            return self._client

    @contextlib.contextmanager
    def open(self, url: str, start: int, validator: str | None, size: int | None) -> Iterator[Answer]:
        """Request ``url`` from byte ``start`` on, if it has not changed since ``validator``.

        Raises the errors of :mod:`omz.download.answer`; so do the chunks.
        """
        if urlsplit(url).scheme == "file":
            opened = self._open_file(url, start)
        else:
            opened = self._open_http(url, start, validator, size)
        with opened as answer:
            yield answer

    @contextlib.contextmanager
    def _open_file(self, url: str, start: int) -> Iterator[Answer]:
        try:
            path = Path(url2pathname(urlsplit(url).path)).resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a NUL in it, links in a circle
            raise Refused(f"{printable(url)} is not a valid path: {printable(str(error))}") from error
        if self._file_roots.isdisjoint((path, *path.parents)):
            raise Refused(f"{path} is not below a folder that was given as --models_dir")
        try:
            with open_file(path) as file:
                size = path.stat().st_size
                if start > size:
                    start = 0
                file.seek(start)
                yield Answer(Body(start, size, None), iter(lambda: file.read(CHUNK), b""))
        except OSError as error:
            if error.filename == str(path):
                raise Refused(f"{path} cannot be read: {os_reason(error)}") from error
            raise

    @contextlib.contextmanager
    def _open_http(self, url: str, start: int, validator: str | None, size: int | None) -> Iterator[Answer]:
        headers, policy = {}, self._policy
        if start:
            headers["Range"] = f"bytes={start}-"
        if start and validator:
            headers["If-Range"] = validator
        with _named_causes(url), contextlib.ExitStack() as stack:
            headers |= _credentials(url)
            request: httpx.Request | None = self._http().build_request("GET", url, headers=headers)
            for _ in range(policy.redirects + 1):
                assert request is not None
                stack.close()
                watchdog = stack.enter_context(_watching(policy.connect_timeout + policy.patience))
                request.extensions = {**request.extensions, **watchdog.extensions}
                response = self._http().send(request, stream=True)
                stack.callback(response.close)
                if not response.has_redirect_location:
                    break
                request = _next_request(response)
            else:
                raise Refused(f"the server redirects more than {policy.redirects} times")
            body = read_answer(response.status_code, response.reason_phrase, response.headers, start, size)
            yield Answer(body, watchdog.watched(response.iter_raw()))


@contextlib.contextmanager
def _watching(seconds: float) -> Iterator[Watchdog]:
    """Give a watchdog; where it has cut the connection, say so in the place of what came of that."""
    with Watchdog(seconds) as watchdog:
        try:
            yield watchdog
        except httpx.HTTPError as error:
            if not watchdog.has_cut:
                raise
            raise Retryable(f"the server sends nothing of the file within {seconds:g} s") from error


def _credentials(url: str) -> dict[str, str]:
    """Return the header with the token in ``HF_TOKEN`` for Hugging Face, or its mirror in ``HF_ENDPOINT``, alone.

    httpx drops it where the server redirects to another host.
    """
    token = os.environ.get("HF_TOKEN", "").strip()
    if not is_header_value(token) or _origin(url) != _origin(hugging_face()):
        return {}
    return {"Authorization": f"Bearer {token}"}


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = httpx.URL(url)
    return parts.scheme, parts.host, parts.port


def _make_client(policy: Policy) -> httpx.Client:
    return httpx.Client(
        headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(policy.patience, connect=policy.connect_timeout),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),  # a watchdog guards a connection
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def _next_request(response: httpx.Response) -> httpx.Request:
    """Return the request of a redirect; raise :class:`Refused` for a less safe one."""
    location = response.headers["location"]
    following = response.next_request
    scheme = following.url.scheme if following else ""
    if following is None or scheme not in ("https", "http") or (response.url.scheme == "https" and scheme != "https"):
        raise Refused(f"the server redirects from {response.url.scheme} to {printable(location)}, which is not safe")
    return following


@contextlib.contextmanager
def _named_causes(url: str) -> Iterator[None]:
    """Raise errors of a request for ``url`` with their causes, and with the address of a redirect."""
    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError) as error:  # UnicodeError is a ValueError
        raise Refused(f"the address cannot be used: {printable(str(error))}") from error
    except httpx.HTTPError as error:
        final = error.request.url
        host = f"{final.scheme}://{final.netloc.decode(errors='replace')}{final.path}"
        redirected = "" if str(final) == url else f" (redirected to {printable(host)})"
        raise _cause(error, final.scheme, redirected) from error


def _cause(error: httpx.HTTPError, scheme: str, redirected: str) -> Refused | Retryable:  # noqa: PLR0911
    text = printable(str(error) or type(error).__name__)
    proxy = " through the proxy set in the environment" if scheme in getproxies() else ""
    if isinstance(error, httpx.ProxyError):
        return Refused(f"the proxy set in the environment answers {text}{redirected}")
    if "CERTIFICATE" in text:
        return Refused(f"{text}; set SSL_CERT_FILE to the certificates to trust{redirected}")
    if isinstance(error, httpx.ConnectTimeout):
        return Retryable(f"the server does not take the connection in time{proxy}{redirected}")
    if isinstance(error, httpx.TimeoutException):
        return Retryable(f"the server stopped sending{redirected}")
    if isinstance(error, httpx.ConnectError):
        return Retryable(f"no connection{proxy}: {text}{redirected}")
    if isinstance(error, httpx.ProtocolError) and not text.startswith(_ENDINGS):
        return Refused(f"the server's answer is not valid HTTP: {text}{redirected}")
    return Retryable(f"the connection ended too early: {text}{redirected}")
