"""Images behind URLs: public addresses alone, each looked up once and then kept to.

A name is resolved once, all its addresses are checked, and the connection goes to the one that was checked, so that a
name server that changes its mind leads nowhere else. Redirects are checked in the same way.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import httpx

from omz.errors import first_line
from omz_demo.serve.answers import RefusedError

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host and port. Raises ``OSError``."""

_REDIRECTS = 3
_PATIENCE = 10.0  # seconds without a byte
_MOVED = (301, 302, 303, 307, 308)
_INDIRECT = tuple(
    map(
        ipaddress.ip_network,
        (
            *("192.0.0.0/24", "192.88.99.0/24"),  # protocols, and relays to IPv6
            *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"),  # IPv4 inside of IPv6
            *("2001::/23", "2002::/16"),  # Teredo and other protocols, and 6to4
            "fec0::/10",  # sites, as it was once
        ),
    )
)
"""Networks that lead into others, or that Python, by its version, takes for public ones."""


def is_public(address: str) -> bool:
    """Return whether an address is one of the public internet, and leads to no other inside of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # an IPv6 address with a zone
        return False
    if any(parsed in network for network in _INDIRECT):
        return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified)


async def addresses_of(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, by the resolver of the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Fetcher:
    """Fetches at most ``limit`` bytes of an image; hosts are found by ``resolve``, and kept to if ``is_allowed``."""

    def __init__(
        self, limit: int, resolve: Resolve = addresses_of, is_allowed: Callable[[str], bool] = is_public
    ) -> None:
        self._limit, self._resolve, self._is_allowed = limit, resolve, is_allowed

    async def fetch(self, text: str) -> bytes:
        """Return the content behind a URL. Raises :class:`RefusedError`."""
        url = _parsed(text)
        # Variables of the environment, such as those of proxies, would have others look names up.
        async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE) as client:
            for _ in range(_REDIRECTS + 1):
                found = await self._get(client, url)
                if isinstance(found, bytes):
                    return found
                url = found
        raise RefusedError(422, f"the URL is redirected more than {_REDIRECTS} times; name the image itself")

    async def _get(self, client: httpx.AsyncClient, url: httpx.URL) -> bytes | httpx.URL:
        """Return the content, or where a redirect leads."""
        address = await self._checked(url)
        headers = {"Host": url.netloc.decode("ascii"), "Accept": "image/*", "Accept-Encoding": "identity"}
        pinned = url.copy_with(host=address)
        extensions = {"sni_hostname": url.raw_host.decode("ascii")}
        request = client.build_request("GET", pinned, headers=headers, extensions=extensions)
        try:
            response = await client.send(request, stream=True)
            try:
                if response.status_code in _MOVED:
                    return _parsed(str(url.join(response.headers.get("location", ""))))
                if not response.is_success:
                    raise RefusedError(422, f"the URL is answered with {response.status_code}; name an image")
                return await self._content(response)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RefusedError(422, f"the URL cannot be fetched: {first_line(error)}; check it") from error

    async def _content(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":  # a few bytes may become many
            raise RefusedError(422, "the URL is answered with compressed content; name an image")
        content = bytearray()
        async for part in response.aiter_raw():
            content += part
            if len(content) > self._limit:
                limit = f"{self._limit / 1e6:g} MB"
                raise RefusedError(413, f"there are more than {limit} behind the URL; name a smaller file")
        return bytes(content)

    async def _checked(self, url: httpx.URL) -> str:
        """Return the address to connect to. Raises :class:`RefusedError` if any of the host's is not allowed."""
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        try:
            addresses = await self._resolve(url.host, port)
        except (OSError, UnicodeError) as error:
            raise RefusedError(422, f"the host {url.host} is not found; check the URL") from error
        if not addresses or not all(map(self._is_allowed, addresses)):
            raise RefusedError(403, f"the host {url.host} has no public address; name one of the internet")
        return addresses[0]


def _parsed(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise RefusedError(422, f"the URL cannot be read: {first_line(error)}; write https://HOST/PATH") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise RefusedError(422, "the URL is not of http or https; write https://HOST/PATH")
    if url.userinfo:
        raise RefusedError(422, "the URL has a user's name; leave it out")
    return url
