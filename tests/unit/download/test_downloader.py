"""Downloads from a real server that misbehaves on purpose."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import io
import os
import ssl
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import filelock
import pytest
from helpers.builders import published_file, write_card
from helpers.fault_server import (
    PATIENCE,
    Always,
    ChangedETag,
    Cut,
    CutFromStart,
    Drip,
    Fault,
    FaultServer,
    Gzip,
    Html,
    IgnoreRange,
    Long,
    LyingRange,
    NoLength,
    NoReply,
    Redirect,
    Short,
    Stall,
    Status,
    Wrong,
    WrongRange,
    tls_context,
)

from omz.download import DownloadSettings, Policy, download, download_all, make_bundle, transfer
from omz.download.cache import FolderCache, open_cache
from omz.download.downloader import LOCK_FILE
from omz.download.events import FileEnd, FileProgress, FileRetry, FileSkipped, ModelBegin, ModelEnd
from omz.errors import DownloadError
from omz.events import Event, Waiting
from omz.zoo import Catalog

CONTENT = bytes(range(256)) * 2000
TENTH = len(CONTENT) // 10
IMPATIENT = Policy(attempts=3, first_wait=0.01, longest_wait=1)
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "downloads.md"


def card_of(root: Path, *files: dict[str, object], name: str = "net", **changes: object):
    write_card(root, name, files=list(files), **changes)
    return Catalog(root)[name]


def served(server: FaultServer, path: str = "/net.bin", content: bytes = CONTENT, **changes: object):
    return published_file(path.strip("/"), content, server.url(path), **changes)


@dataclass(frozen=True)
class Case:
    """What a server does, in the words of the documentation, and what comes of it: the file, or a cause."""

    what: str
    faults: list[Fault]
    cause: str | None = None
    requests: int | None = None
    patience: float = PATIENCE

    @property
    def settings(self) -> DownloadSettings:
        return DownloadSettings(policy=dataclasses.replace(IMPATIENT, patience=self.patience))


CASES = [
    Case("short body", [Always(Short(10))], f"has {len(CONTENT) - 10} bytes, not {len(CONTENT)}"),
    Case("long body", [Always(Long(10))], f"has {len(CONTENT) + 10} bytes, not {len(CONTENT)}"),
    Case("wrong bytes of the right length", [Always(Wrong())], "another sha384 than on the card", 2),
    Case("wrong bytes once", [Wrong()], requests=2),
    *(
        Case("connection cut", [Cut(tenth * TENTH, reset)], requests=2)
        for tenth in range(10)
        for reset in (False, True)
    ),
    Case("connection cut at every tenth", [Cut(TENTH)] * 9, requests=10),
    Case("connection cut at once, always", [Always(Cut(0))], "the connection ended", 3),
    Case("no answer", [Always(NoReply())], "the connection ended", 3),
    Case("503, then 200", [Status(503)], requests=2),
    Case("503 always", [Always(Status(503))], "503 Service Unavailable", 3),
    Case("408, 425, 500", [Status(408), Status(425)], requests=3),
    Case("429 with Retry-After", [Status(429, {"Retry-After": "1"})], requests=2),
    Case("429 with a long Retry-After", [Always(Status(429, {"Retry-After": "3600"}))], "asks to wait 3600 s", 1),
    Case("404", [Always(Status(404))], "404 Not Found", 1),
    Case("slow drip", [Always(Drip(1, 0.05))], "fewer than 1024 bytes a second", 3, patience=1),
    Case("stalled body", [Always(Stall(0))], "the server stopped sending", 3, patience=0.4),
    Case("stalled body once", [Stall(5 * TENTH)], requests=2, patience=2),
    Case("redirect", [Redirect("/net.bin")], requests=2),
    Case("redirect loop", [Always(Redirect("/net.bin"))], "redirects more than 10 times", 11),
    Case("redirect to `file://`", [Always(Redirect("file:///etc/passwd"))], "from http to file:///etc/passwd", 1),
    Case("redirect to nowhere", [Always(Redirect("http://0.0.0.0:1/"))], "redirected to http://0.0.0.0:1/", 3),
    Case("Range ignored", [Cut(5 * TENTH), IgnoreRange()], requests=2),
    Case("Range answered with another offset", [Cut(5 * TENTH), WrongRange(7)], requests=3),
    Case("Range answered with other bytes", [Cut(5 * TENTH), LyingRange(7)], requests=3),
    Case("ETag changed between resumes", [Cut(5 * TENTH), ChangedETag(b"x" * len(CONTENT))], "another sha384"),
    Case("gzip-encoded body", [Always(Gzip())], "gzip-encoded", 1),
    Case("a web page instead", [Always(Html())], "a web page", 1),
    Case("no Content-Length", [NoLength()], requests=1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_file_is_right_or_absent_whatever_the_server_does(tmp_path, case):
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": case.faults}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        target = tmp_path / "out" / "public" / "net" / "net.bin"
        if case.cause is None:
            assert download(card, tmp_path / "out", case.settings) == (target,)
            assert target.read_bytes() == CONTENT
            assert [path.name for path in target.parent.iterdir()] == ["net.bin"]
        else:
            with pytest.raises(DownloadError) as caught:
                download(card, tmp_path / "out", case.settings)
            message = str(caught.value)
            assert case.cause in message
            for part in ("net: net.bin", server.url("/net.bin"), f"curl --fail --location --output {target}"):
                assert part in message
            assert "\n" not in message
            assert not target.exists()
    if case.requests is not None:
        assert len(server.requests) == case.requests


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_every_case_stands_in_the_documentation(case):
    assert f"| {case.what} |" in DOCUMENTATION.read_text()


@pytest.mark.parametrize("case", [case for case in CASES if case.cause], ids=lambda case: case.what)
def test_a_failed_download_of_a_new_version_leaves_the_old_file(tmp_path, case):
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": case.faults}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        target = tmp_path / "out" / "public" / "net" / "net.bin"
        target.parent.mkdir(parents=True)
        target.write_bytes(b"the version before")
        with pytest.raises(DownloadError):
            download(card, tmp_path / "out", case.settings)
        assert target.read_bytes() == b"the version before"


def test_what_was_received_is_continued_by_a_later_run_with_range_and_if_range(tmp_path):
    once = DownloadSettings(policy=Policy(attempts=1, first_wait=0))
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [Cut(3 * TENTH), Cut(2 * TENTH)]}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        for _ in range(2):
            with pytest.raises(DownloadError, match="ended"):
                download(card, tmp_path, once)
        download(card, tmp_path, once)
    assert [request.start for request in server.requests] == [0, 3 * TENTH, 5 * TENTH]
    assert server.requests[0].if_range is None
    etag = server.requests[2].if_range
    assert etag
    assert etag.startswith('"')
    assert sum(request.sent for request in server.requests) == len(CONTENT)


def test_without_an_etag_the_time_of_the_last_change_guards_the_rest(tmp_path):
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [Cut(TENTH)]}, etag=False) as server:
        download(card_of(tmp_path / "zoo", served(server)), tmp_path, DownloadSettings(policy=IMPATIENT))
    assert server.requests[1].range == f"bytes={TENTH}-"
    assert server.requests[1].if_range is None or "GMT" in server.requests[1].if_range


def test_a_server_whose_file_changed_back_to_the_right_one_gives_it(tmp_path):
    with FaultServer({"/net.bin": b"y" * len(CONTENT)}, {"/net.bin": [Cut(TENTH), ChangedETag(CONTENT)]}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        download(card, tmp_path, DownloadSettings(policy=IMPATIENT))
        assert (tmp_path / "public" / "net" / "net.bin").read_bytes() == CONTENT
    assert [request.start for request in server.requests] == [0, 0]


def test_mirrors_are_asked_in_order_and_go_on_with_what_the_first_gave(tmp_path):
    files = {"/net.bin": CONTENT, "/mirror": CONTENT, "/first": CONTENT}
    faults = {"/net.bin": [Cut(4 * TENTH), Always(Status(404))], "/mirror": [Always(Status(410))]}
    with FaultServer(files, faults) as server:
        file = served(server, mirrors=[server.url("/mirror")], original_source=server.url("/first"))
        events: list[Event] = []
        download(card_of(tmp_path / "zoo", file), tmp_path, DownloadSettings(policy=IMPATIENT), events.append)
        assert (tmp_path / "public" / "net" / "net.bin").read_bytes() == CONTENT
    assert [request.path for request in server.requests] == ["/net.bin", "/net.bin", "/mirror", "/first"]
    assert server.requests[-1].start == 4 * TENTH
    assert any(isinstance(event, FileRetry) and "ended" in event.reason for event in events)


def test_a_wrong_hash_is_fetched_again_from_nothing_then_from_the_next_mirror(tmp_path):
    with FaultServer({"/net.bin": CONTENT, "/mirror": CONTENT}, {"/net.bin": [Always(Wrong())]}) as server:
        card = card_of(tmp_path / "zoo", served(server, mirrors=[server.url("/mirror")]))
        download(card, tmp_path, DownloadSettings(policy=IMPATIENT))
    assert [(request.path, request.start) for request in server.requests] == [
        ("/net.bin", 0),
        ("/net.bin", 0),
        ("/mirror", 0),
    ]


def test_a_file_that_is_there_and_right_is_kept_and_said_so(tmp_path):
    with FaultServer({"/net.bin": CONTENT}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        download(card, tmp_path)
        target = tmp_path / "public" / "net" / "net.bin"
        before = target.stat()
        events: list[Event] = []
        download(card, tmp_path, report=events.append)
        assert target.stat().st_mtime_ns == before.st_mtime_ns
        assert FileEnd("net", "net.bin", True, "present") in events
        target.write_bytes(CONTENT[:-1] + b"?")
        download(card, tmp_path)
        assert target.read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_file_of_unknown_size_is_judged_by_its_hash(tmp_path):
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [Short(5), Cut(TENTH)]}) as server:
        file = served(server, size=None)
        del file["size"]
        download(card_of(tmp_path / "zoo", file), tmp_path, DownloadSettings(policy=IMPATIENT))
        assert (tmp_path / "public" / "net" / "net.bin").read_bytes() == CONTENT


def test_an_empty_file_can_be_had(tmp_path):
    with FaultServer({"/net.bin": b""}) as server:
        download(card_of(tmp_path / "zoo", served(server, content=b"")), tmp_path)
        assert (tmp_path / "public" / "net" / "net.bin").read_bytes() == b""


@pytest.fixture
def tls(tmp_path, monkeypatch):
    server_side, client_side = tls_context()
    authority = tmp_path / "authority.pem"
    authority.write_text(ssl.DER_cert_to_PEM_cert(client_side.get_ca_certs(binary_form=True)[0]))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    return server_side


def test_https_goes_by_the_certificates_of_the_environment(tmp_path, tls, monkeypatch):
    with FaultServer({"/net.bin": CONTENT}, tls=tls) as server:
        card = card_of(tmp_path / "zoo", served(server))
        download(card, tmp_path / "trusting")
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(DownloadError, match="set SSL_CERT_FILE to the certificates to trust"):
            download(card, tmp_path / "distrusting")


def test_a_redirect_from_https_to_http_is_refused_and_the_other_way_followed(tmp_path, tls):
    with FaultServer({"/net.bin": CONTENT}) as plain:
        with FaultServer({}, {"/net.bin": [Always(Redirect(plain.url("/net.bin")))]}, tls=tls) as safe:
            card = card_of(tmp_path / "zoo", served(safe))
            with pytest.raises(DownloadError, match=r"redirects from https to http://.* not safe"):
                download(card, tmp_path / "a")
        assert plain.requests == []
    with (
        FaultServer({"/net.bin": CONTENT}, tls=tls) as safe,
        FaultServer({}, {"/net.bin": [Always(Redirect(safe.url("/net.bin")))]}) as plain,
    ):
        download(card_of(tmp_path / "other", served(plain)), tmp_path / "b")
        assert (tmp_path / "b" / "public" / "net" / "net.bin").read_bytes() == CONTENT


def test_file_addresses_are_followed_below_roots_that_the_user_named_only(tmp_path):
    zoo = tmp_path / "zoo"
    secret = tmp_path / "secret.bin"
    secret.write_bytes(CONTENT)
    card = card_of(zoo, published_file("net.bin", CONTENT, (zoo / "net.bin").as_uri()))
    (zoo / "net.bin").write_bytes(CONTENT)
    outside = card_of(zoo, published_file("net.bin", CONTENT, secret.as_uri()), name="outside")
    (zoo / "link.bin").symlink_to(secret)
    link = card_of(zoo, published_file("net.bin", CONTENT, (zoo / "link.bin").as_uri()), name="link")
    settings = DownloadSettings(file_roots=Catalog(zoo).roots)
    download(card, tmp_path / "out", settings)
    assert (tmp_path / "out" / "public" / "net" / "net.bin").read_bytes() == CONTENT
    for bad, chosen in ((card, DownloadSettings()), (outside, settings), (link, settings)):
        with pytest.raises(DownloadError, match="not below a folder that was given as --models_dir"):
            download(bad, tmp_path / "other", chosen)


def test_a_missing_file_address_is_one_line(tmp_path):
    zoo = tmp_path / "zoo"
    card = card_of(zoo, published_file("net.bin", CONTENT, (zoo / "absent.bin").as_uri()))
    with pytest.raises(DownloadError, match=rf"absent\.bin cannot be read: {os.strerror(errno.ENOENT)}"):
        download(card, tmp_path, DownloadSettings(file_roots=(zoo,)))


def test_files_come_in_parallel_within_and_across_models(tmp_path):
    names = [f"/{letter}.bin" for letter in "abcd"]
    together = threading.Barrier(4, timeout=PATIENCE)

    class Meeting(FaultServer):
        """Answers once four requests are there at a time."""

        def finish_request(self, request, client_address):
            together.wait()
            super().finish_request(request, client_address)

    with Meeting(dict.fromkeys(names, CONTENT)) as server:
        cards = [
            card_of(tmp_path / "zoo", *(served(server, path) for path in half), name=name)
            for name, half in (("one", names[:2]), ("two", names[2:]))
        ]
        assert download_all(cards, tmp_path, DownloadSettings(jobs=4, policy=IMPATIENT)) == {}
    for name, half in (("one", names[:2]), ("two", names[2:])):
        for path in half:
            assert (tmp_path / "public" / name / path.strip("/")).read_bytes() == CONTENT


def test_one_failed_model_does_not_stop_the_others(tmp_path):
    with FaultServer({"/good.bin": CONTENT}) as server:
        bad = card_of(tmp_path / "zoo", served(server, "/bad.bin"), served(server, "/good.bin"), name="bad")
        good = card_of(tmp_path / "zoo", served(server, "/good.bin"), name="good")
        events: list[Event] = []
        failures = download_all([bad, good], tmp_path, DownloadSettings(policy=IMPATIENT), events.append)
        assert (tmp_path / "public" / "good" / "good.bin").read_bytes() == CONTENT
        assert (tmp_path / "public" / "bad" / "good.bin").read_bytes() == CONTENT
    assert list(failures) == ["bad"]
    (line,) = failures["bad"]
    assert "404" in line
    assert [event for event in events if isinstance(event, ModelEnd)] == [
        ModelEnd("bad", False),
        ModelEnd("good", True),
    ]


def test_every_begin_has_its_end_and_the_progress_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "_PROGRESS_INTERVAL", 0)  # how fast the machine is does not matter then
    with FaultServer({"/a.bin": CONTENT, "/b.bin": CONTENT}) as server:
        events: list[Event] = []
        card = card_of(tmp_path / "zoo", served(server, "/a.bin"), served(server, "/b.bin"), served(server, "/c.bin"))
        download_all([card], tmp_path, DownloadSettings(jobs=2, policy=IMPATIENT), events.append)
    kinds = [event.as_json()["$type"] for event in events]
    assert kinds.count("model_file_download_begin") == kinds.count("model_file_download_end") == 3
    assert (kinds[0], kinds[-1]) == ("model_download_begin", "model_download_end")
    sizes = [event.size for event in events if isinstance(event, FileProgress) and event.model_file == "a.bin"]
    assert len(sizes) > 2
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(CONTENT)
    ends = {event.model_file: event for event in events if isinstance(event, FileEnd)}
    assert {name: end.successful for name, end in ends.items()} == {"a.bin": True, "b.bin": True, "c.bin": False}
    assert "404" in (ends["c.bin"].reason or "")


def test_only_the_files_of_the_precisions_asked_for_are_fetched_and_counted(tmp_path):
    names = [f"/{precision}/ir.{suffix}" for precision in ("FP16", "FP32") for suffix in ("xml", "bin")]
    with FaultServer(dict.fromkeys(names, CONTENT)) as server:
        files = [served(server, name) for name in names]
        card = card_of(tmp_path / "zoo", *files, name="ir", framework="dldt", model_optimizer_args=None)
        events: list[Event] = []
        paths = download(card, tmp_path, DownloadSettings(precisions=["FP16"]), events.append)
    assert {path.parent.name for path in paths} == {"FP16"}
    assert {request.path for request in server.requests} == {"/FP16/ir.xml", "/FP16/ir.bin"}
    assert ModelBegin("ir", 2) in events
    assert sum(isinstance(event, FileSkipped) for event in events) == 2


def test_the_cache_is_asked_first_and_given_what_was_fetched(tmp_path):
    with FaultServer({"/net.bin": CONTENT}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        settings = DownloadSettings(cache=FolderCache(tmp_path / "cache"))
        download(card, tmp_path / "a", settings)
        digest = hashlib.sha384(CONTENT).hexdigest()
        cached = tmp_path / "cache" / "1" / digest[:2] / digest[2:]
        assert cached.read_bytes() == CONTENT
        events: list[Event] = []
        download(card, tmp_path / "b", settings, events.append)
        assert FileEnd("net", "net.bin", True, "cached") in events
        assert len(server.requests) == 1
        cached.write_bytes(b"damaged")
        download(card, tmp_path / "c", settings)
        assert (tmp_path / "c" / "public" / "net" / "net.bin").read_bytes() == CONTENT
        assert cached.read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_bundle_serves_where_there_is_no_network(tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("inner.txt", "unpacked")
    contents = {"/net.bin": CONTENT, "/more.zip": archive.getvalue()}
    with FaultServer(contents, {"/net.bin": [Cut(TENTH)]}) as server:
        files = [served(server, path, content) for path, content in contents.items()]
        steps = [{"$type": "unpack_archive", "file": "more.zip", "format": "zip"}]
        card = card_of(tmp_path / "zoo", *files, postprocessing=steps)
        twin = card_of(tmp_path / "zoo", *files, name="twin")
        bundle = tmp_path / "bundle.tar"
        assert make_bundle([card, twin], bundle, DownloadSettings(jobs=2, policy=IMPATIENT)) == {}
        assert len(server.requests) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK_FILE, "bundle.tar", "zoo"]
    settings = DownloadSettings(cache=open_cache(bundle), policy=IMPATIENT)
    assert download_all([card, twin], tmp_path / "out", settings) == {}
    assert (tmp_path / "out" / "public" / "net" / "inner.txt").read_text() == "unpacked"
    assert (tmp_path / "out" / "public" / "twin" / "net.bin").read_bytes() == CONTENT


def test_a_bundle_of_what_cannot_be_had_is_not_made(tmp_path):
    with FaultServer({}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        failures = make_bundle([card], tmp_path / "bundle.tar", DownloadSettings(policy=IMPATIENT))
    assert list(failures) == ["net"]
    assert not (tmp_path / "bundle.tar").exists()


def test_two_downloads_to_one_folder_wait_for_each_other(tmp_path):
    with FaultServer({"/net.bin": CONTENT}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        events: list[Event] = []
        with filelock.FileLock(tmp_path / LOCK_FILE):
            other = threading.Thread(target=download, args=(card, tmp_path, DownloadSettings(), events.append))
            other.start()
            deadline = time.monotonic() + PATIENCE
            while not events and time.monotonic() < deadline:
                time.sleep(0.01)
            assert events == [Waiting(str(tmp_path))]
            assert server.requests == []
        other.join()
        assert (tmp_path / "public" / "net" / "net.bin").read_bytes() == CONTENT


def test_four_downloads_at_once_fetch_each_file_once(tmp_path):
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [Drip(TENTH, 0.02)]}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        threads = [threading.Thread(target=download, args=(card, tmp_path)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.requests) == 1


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with FaultServer({"/net.bin": CONTENT}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        with pytest.raises(DownloadError, match="file cannot be written"):
            download(card, tmp_path / "file")
        (tmp_path / "out" / "public" / "net" / "net.bin").mkdir(parents=True)
        with pytest.raises(DownloadError, match=rf"net\.bin could not be fetched: .*{os.strerror(errno.EISDIR)}"):
            download(card, tmp_path / "out")


def test_a_server_that_gives_the_same_bytes_again_and_again_is_given_up(tmp_path):
    faults = [each for _ in range(9) for each in (Cut(TENTH), CutFromStart(2 * TENTH))]
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [*faults, Always(Cut(0))]}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        with pytest.raises(DownloadError, match="ended"):
            download(card, tmp_path, DownloadSettings(policy=IMPATIENT))
    assert len(server.requests) < 9


def test_bytes_that_vanish_on_the_way_are_fetched_again(tmp_path):
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [Drip(TENTH, 0.02)]}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        model = tmp_path / "public" / "net"

        def remove(event: Event) -> None:
            if isinstance(event, FileProgress) and len(server.requests) == 1:
                for part in model.glob(".net.bin.*.part"):
                    part.unlink()

        download(card, tmp_path, DownloadSettings(policy=IMPATIENT), remove)
        assert (model / "net.bin").read_bytes() == CONTENT
    assert len(server.requests) == 2


@pytest.mark.parametrize("validator", ["5", '["a"]', r'"\u00e9"', r'"a\nb"', "x"])
def test_a_damaged_note_beside_the_bytes_does_no_harm(tmp_path, validator):
    once = DownloadSettings(policy=Policy(attempts=1))
    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [Cut(TENTH)]}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        with pytest.raises(DownloadError):
            download(card, tmp_path, once)
        (found,) = (tmp_path / "public" / "net").glob(".net.bin.*.part.json")
        found.write_text(f'{{"url": "{server.url("/net.bin")}", "validator": {validator}}}')
        download(card, tmp_path, once)
    assert server.requests[1].start == TENTH
    assert server.requests[1].if_range is None


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://" + "a" * 70 + ".example/x", "the address cannot be used"),
        ("http://a..example/x", "the address cannot be used"),
        ("file:///a%00b", "is not a valid path"),
        ("http://localhost:1/x", "no connection"),
    ],
)
def test_a_bad_address_is_one_line_and_stops_no_other_model(tmp_path, url, cause):
    with FaultServer({"/net.bin": CONTENT}) as server:
        bad = card_of(tmp_path / "zoo", published_file("x", CONTENT, url), name="bad")
        good = card_of(tmp_path / "zoo", served(server), name="good")
        failures = download_all([bad, good], tmp_path, DownloadSettings(policy=IMPATIENT))
    assert list(failures) == ["bad"]
    assert cause in failures["bad"][0]
    assert (tmp_path / "public" / "good" / "net.bin").is_file()


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL_CERT_FILE", "/dev/null/absent.pem"), ("ALL_PROXY", "foo://x"), ("HTTP_PROXY", "http://[::1")],
)
def test_bad_settings_of_the_environment_are_named_where_they_matter(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with FaultServer({"/net.bin": CONTENT}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        with pytest.raises(DownloadError, match=name):
            download(card, tmp_path)
    download(Catalog()["background-matting-starter"], tmp_path)  # has nothing to fetch


def test_a_dead_proxy_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with FaultServer({"/net.bin": CONTENT}) as server:
        card = card_of(tmp_path / "zoo", published_file("x", CONTENT, "http://example.invalid/x"))
        with pytest.raises(DownloadError, match="through the proxy set in the environment"):
            download(card, tmp_path, DownloadSettings(policy=IMPATIENT))
    assert server.requests == []


def test_a_report_that_fails_ends_the_run_with_its_own_error(tmp_path):
    def fail(event: Event) -> None:
        raise RuntimeError("no more paper")

    with FaultServer({"/net.bin": CONTENT}, {"/net.bin": [Always(Stall(TENTH))]}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        with pytest.raises(RuntimeError, match="no more paper"):
            download(
                card, tmp_path, DownloadSettings(jobs=2, policy=dataclasses.replace(IMPATIENT, patience=0.4)), fail
            )


def test_what_a_killed_run_left_of_a_copy_is_removed(tmp_path):
    with FaultServer({"/net.bin": CONTENT}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        rest = tmp_path / "public" / "net" / ".net.0123abcd.part.bin"
        rest.parent.mkdir(parents=True)
        rest.write_bytes(b"half of it")
        download(card, tmp_path)
    assert [path.name for path in rest.parent.iterdir()] == ["net.bin"]


def test_a_users_own_copy_called_orig_stays(tmp_path):
    with FaultServer({"/net.bin": CONTENT}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        copy = tmp_path / "public" / "net" / "net.bin.orig"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(CONTENT)
        download(card, tmp_path)
    assert copy.read_bytes() == CONTENT


def test_bundles_made_at_once_are_all_whole(tmp_path):
    with FaultServer({"/net.bin": CONTENT}) as server:
        card = card_of(tmp_path / "zoo", served(server))
        results: list[object] = []
        threads = [
            threading.Thread(target=lambda: results.append(make_bundle([card], tmp_path / "b.tar"))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [{}] * 4
        settings = DownloadSettings(cache=open_cache(tmp_path / "b.tar"), policy=Policy(attempts=1))
        server.requests.clear()
        download(card, tmp_path / "out", settings)
    assert server.requests == []
