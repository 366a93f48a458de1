"""URLs: to public addresses alone, also behind redirects, and where names change their addresses."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence

import pytest
from helpers.serving import Web

pytest.importorskip("fastapi")

from omz_demo.serve.answers import RefusedError
from omz_demo.serve.fetch import Fetcher, is_public


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("127.8.9.10", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("64:ff9b:1::7f00:1", False),
        ("2001:0:1::", False),
        ("fec0::1", False),
        ("192.0.0.192", False),
        ("192.88.99.1", False),
        ("text", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(address, expected):
    assert is_public(address) is expected


class Names:
    """A name server whose hosts have other addresses each time they are asked for, and which counts that."""

    def __init__(self, hosts: dict[str, list[list[str]]]) -> None:
        self.hosts, self.asked = hosts, list[str]()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.hosts[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def fetch(text: str, names: Names, limit: int = 1000) -> bytes:
    """Fetch where 127.0.0.1 is all of the internet."""
    fetcher = Fetcher(limit, names, lambda address: address == "127.0.0.1")
    return asyncio.run(fetcher.fetch(text))


def refused(text: str, names: Names) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        fetch(text, names)
    return caught.value


PAGES: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/x.png": (200, {}, b"picture"),
    "/large": (200, {}, bytes(1001)),
    "/gone": (404, {}, b""),
    "/moved": (302, {"Location": "/x.png"}, b""),
    "/inside": (302, {"Location": "http://inside.test/x.png"}, b""),
    "/file": (302, {"Location": "file:///etc/passwd"}, b""),
    "/circle": (301, {"Location": "/circle"}, b""),
    "/bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(1_000_000), 9)[:990]),
}
HERE = {"web.test": [["127.0.0.1"]], "inside.test": [["10.0.0.1"]]}


def test_an_image_comes_from_the_address_that_was_looked_up():
    names = Names(HERE)
    with Web(PAGES) as web:
        assert fetch(f"http://web.test:{web.port}/x.png", names) == b"picture"
        assert web.hosts == [f"web.test:{web.port}"]
        assert fetch(f"http://web.test:{web.port}/moved", names) == b"picture"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/inside", 403, "the host inside.test has no public address"),
        ("/file", 422, "not of http or https"),
        ("/circle", 422, "redirected more than 3 times"),
        ("/large", 413, "more than 0.001 MB"),
        ("/gone", 422, "answered with 404"),
        ("/bomb", 422, "answered with compressed content"),
    ],
)
def test_what_cannot_be_fetched_is_a_status_and_a_line(path, status, words):
    with Web(PAGES) as web:
        error = refused(f"http://web.test:{web.port}{path}", Names(HERE))
    assert error.status == status
    assert words in str(error)


def test_a_name_that_changes_its_address_is_asked_once():
    """A second answer, which a fetcher would get that checks one address and lets a client look up another."""
    names = Names({"web.test": [["127.0.0.1"], ["10.0.0.1"]]})
    with Web(PAGES) as web:
        assert fetch(f"http://web.test:{web.port}/x.png", names) == b"picture"
    assert names.asked == ["web.test"]


def test_a_redirect_to_a_name_that_has_changed_is_refused():
    with Web(PAGES) as web:
        names = Names({"web.test": [["127.0.0.1"], ["10.0.0.1"]]})
        assert refused(f"http://web.test:{web.port}/moved", names).status == 403


def test_a_host_with_one_private_address_is_refused():
    assert refused("http://web.test/x.png", Names({"web.test": [["127.0.0.1", "10.0.0.1"]]})).status == 403
    assert refused("http://web.test/x.png", Names({"web.test": [[]]})).status == 403
