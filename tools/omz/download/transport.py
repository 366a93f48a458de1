"""Bytes from an address, whatever its kind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx

from omz.checksum import CHUNK
from omz.download.answer import Body, Interrupted, Refused, read_answer
from omz.download.policy import Policy
from omz.zoo.record import printable

_USER_AGENT = "open-matting-zoo"


@dataclass(frozen=True)
class Answer:
    """An answer that has begun: what its body is, and the body, in chunks."""

    body: Body
    chunks: Iterator[bytes]


class Transport:
    """Opens addresses: https, http, and files below ``file_roots``; may be used from several threads.

    Proxies and certificates are those of the environment (``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE``,
    ``SSL_CERT_DIR``). To be closed after use.
    """

    def __init__(self, policy: Policy, file_roots: tuple[Path, ...] = ()) -> None:
        self._policy = policy
        self._file_roots = tuple(root.resolve() for root in file_roots)
        self._client = httpx.Client(
            headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(policy.patience, connect=policy.connect_timeout),
            limits=httpx.Limits(max_connections=None),
        )

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @contextlib.contextmanager
    def open(self, url: str, start: int, validator: str | None, size: int | None) -> Iterator[Answer]:
        """Ask for ``url`` from byte ``start`` on, if it still is what ``validator`` says.

        Raises the errors of :mod:`omz.download.answer`; so do the chunks.
        """
        opened = self._open_file(url, start) if urlsplit(url).scheme == "file" else None
        with opened or self._open_http(url, start, validator, size) as answer:
            yield answer

    @contextlib.contextmanager
    def _open_file(self, url: str, start: int) -> Iterator[Answer]:
        path = Path(url2pathname(urlsplit(url).path)).resolve()
        if not any(path.is_relative_to(root) for root in self._file_roots):
            raise Refused(f"{path} is not below a folder that was given as --models_dir")
        try:
            with path.open("rb", buffering=0) as file:
                size = path.stat().st_size
                if start > size:
                    start = 0
                file.seek(start)
                yield Answer(Body(start, size, None), iter(lambda: file.read(CHUNK), b""))
        except OSError as error:
            if error.filename == str(path):
                raise Refused(f"{path} cannot be read: {error.strerror}") from error
            raise

    @contextlib.contextmanager
    def _open_http(self, url: str, start: int, validator: str | None, size: int | None) -> Iterator[Answer]:
        headers = {"Range": f"bytes={start}-"} if start else {}
        if start and validator:
            headers["If-Range"] = validator
        with _named_causes(url), contextlib.ExitStack() as stack:
            response = stack.enter_context(self._client.stream("GET", url, headers=headers))
            for _ in range(self._policy.redirects):
                if not response.has_redirect_location:
                    break
                following = _next_request(response)
                stack.close()
                response = self._client.send(following, stream=True)
                stack.callback(response.close)
            if response.has_redirect_location:
                raise Refused(f"the server redirects more than {self._policy.redirects} times")
            body = read_answer(response.status_code, response.reason_phrase, response.headers, start, size)
            yield Answer(body, response.iter_raw())


def _next_request(response: httpx.Response) -> httpx.Request:
    """Return the request that a redirect leads to; what is less safe than what was asked for is refused."""
    location = response.headers["location"]
    target = response.url.join(location)
    if target.scheme not in ("https", "http") or (response.url.scheme == "https" and target.scheme != "https"):
        raise Refused(f"the server redirects from {response.url.scheme} to {printable(location)}, which is not safe")
    assert response.next_request is not None  # of a redirect it never is
    return response.next_request


@contextlib.contextmanager
def _named_causes(url: str) -> Iterator[None]:
    """Say what went wrong with a request for ``url``, and where that was redirected to."""
    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise Refused(str(error)) from error
    except httpx.HTTPError as error:
        final = str(error.request.url)
        redirected = "" if final == url else f" (redirected to {final})"
        raise _cause(error, redirected) from error


def _cause(error: httpx.HTTPError, redirected: str) -> Refused | Interrupted:
    if "CERTIFICATE" in str(error):
        return Refused(f"{error}; SSL_CERT_FILE names the certificates to trust{redirected}")
    if isinstance(error, httpx.ConnectTimeout):
        return Interrupted(f"the server does not take the connection in time{redirected}")
    if isinstance(error, httpx.TimeoutException):
        return Interrupted(f"the server stopped sending{redirected}")
    if isinstance(error, httpx.ConnectError):
        return Interrupted(f"no connection: {error}{redirected}")
    return Interrupted(f"the connection ended too early: {error or type(error).__name__}{redirected}")
