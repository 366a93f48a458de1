"""Settings of the service, and the flags they come from."""

# ruff: noqa: RUF009  # setting() is dataclasses.field(), with a flag
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any

from omz.cutout.flag import flag_of, setting
from omz.cutout.flags import STARTER, WITHOUT_PLATE, ModelFlags
from omz.cutout.options import Options, make_options

_OF_THE_COMMAND = ("model", "num_requests", "num_streams", "hint")
"""Flags of a model that the command alone has: what stays open has several models, and suits itself to its load."""

_TO_WORKERS = "OMZ_SERVE_SETTINGS"


# fmt: off
@dataclass(frozen=True, kw_only=True)
class ServeFlags:
    """The service: where it listens, what it serves, and what it lets a request use."""

    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0: all of this machine.", shows_default=True)
    port: int = setting(
        7000, "Port to listen on, of rembg by default; 0: a free one.", takes=int, lowest=0, highest=65535,
        shows_default=True)
    workers: int = setting(
        1, "Processes, each with the models in memory.", takes=int, lowest=1, highest=64, shows_default=True)
    models: tuple[str, ...] = setting(
        (), f"Zoo name, or path of an IR (.xml), to serve; repeatable; default: {WITHOUT_PLATE} and {STARTER}.",
        "-m", "--model", many=True, takes=str, names_files=True)
    jobs: int | None = setting(
        None, "Images that a process works on at a time; default: one for each core, at most 8.", takes=int, lowest=1,
        highest=256)
    max_waiting: int = setting(
        32, "Requests that wait for a process; more are answered with 429.", takes=int, lowest=0, highest=100_000,
        shows_default=True)
    max_bytes: int = setting(
        50_000_000, "Most bytes of a request, and of an image behind a URL.", takes=int, lowest=1, shows_default=True)
    max_pixels: int = setting(40_000_000, "Most pixels of an image.", takes=int, lowest=1, shows_default=True)
    max_seconds: float = setting(
        60.0, "Most seconds of an upload, and then of the work on it, the wait included.", lowest=0.01, highest=86400,
        shows_default=True)
    allow_urls: bool = setting(
        False, "Also fetch images from public http and https addresses that a request names.")
    api_key_file: Path | None = setting(
        None, "File with a key on each line, of which a request has to have one.", takes=Path, metavar="FILE")
# fmt: on


@dataclass(frozen=True)
class Settings:
    """The flags of the service, and values of the command's ``options`` that hold for all requests."""

    flags: ServeFlags
    options: Mapping[str, Any]

    @property
    def models(self) -> tuple[str, ...]:
        """The models to serve."""
        return self.flags.models or (WITHOUT_PLATE, STARTER)

    @property
    def jobs(self) -> int:
        """How many images a process works on at a time."""
        return self.flags.jobs or min(8, os.cpu_count() or 1)

    def options_of(self, given: Mapping[str, Any]) -> Options:
        """Return the options of a request. Raises :class:`omz.errors.UsageError`."""
        return make_options((), {**self.options, "max_pixels": self.flags.max_pixels, **given})


def shared_flags() -> Iterator[Field[Any]]:
    """Yield the command's options that the service and the page have, too."""
    return (each for each in fields(ModelFlags) if each.name not in _OF_THE_COMMAND)


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Return settings from values by the names of flags; None is the default. Raises :class:`UsageError`."""
    settings = Settings(ServeFlags(**values_of(ServeFlags, given)), shared_options(given))
    make_options((), settings.options)
    return settings


def values_of(flags: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are given for fields of ``flags``. Raises :class:`UsageError` for one that is wrong."""
    values: dict[str, Any] = {}
    for each in fields(flags):
        value, flag = given.get(each.name), flag_of(each)
        if value is not None:
            values[each.name] = flag.value(value)
            flag.check(values[each.name])
    return values


def shared_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are given for the command's options."""
    names = [each.name for each in shared_flags()]
    return {name: given[name] for name in names if given.get(name) not in (None, ())}


def hand_to_workers(given: Mapping[str, Any]) -> None:
    """Leave the values of flags to processes that are started from now on."""
    os.environ[_TO_WORKERS] = json.dumps(given, default=os.fspath)


def handed_settings() -> Settings:
    """Return the settings that :func:`hand_to_workers` has left."""
    return read_settings(json.loads(os.environ[_TO_WORKERS]))
