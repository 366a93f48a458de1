"""Settings of the page, and the flags they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omz.cutout.flag import setting
from omz.cutout.options import Options, make_options
from omz_demo.serve.settings import shared_options, values_of


# fmt: off
@dataclass(frozen=True, kw_only=True)
class WebFlags:
    """The page: where it is, what it offers, and what it takes."""

    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0: all of this machine.", shows_default=True)
    port: int = setting(
        7860, "Port to listen on; 0: a free one.", takes=int, lowest=0, highest=65535, shows_default=True)
    open: bool = setting(False, "Open the page in a browser.", "--open/--no_open")
    models: tuple[str, ...] = setting(
        (), "Path of an IR (.xml) to offer beside the models of the zoo; repeatable.", "-m", "--model", many=True,
        takes=str, names_files=True)
    max_bytes: int = setting(
        200_000_000, "Most bytes of a picture or a video.", takes=int, lowest=1, shows_default=True)
    max_pixels: int = setting(40_000_000, "Most pixels of a picture.", takes=int, lowest=1, shows_default=True)
# fmt: on


@dataclass(frozen=True)
class Settings:
    """The flags of the page, and values of the command's ``options`` that hold for all that it does."""

    flags: WebFlags
    options: Mapping[str, Any]

    def options_of(self, given: Mapping[str, Any], inputs: tuple[str, ...] = ()) -> Options:
        """Return options; None, and an empty text, stand for a default. Raises :class:`omz.errors.UsageError`."""
        said = {name: value for name, value in given.items() if value not in (None, "")}
        return make_options(inputs, {**self.options, "max_pixels": self.flags.max_pixels, **said})


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Return settings from values by the names of flags; None is the default. Raises :class:`UsageError`."""
    settings = Settings(WebFlags(**values_of(WebFlags, given)), shared_options(given))
    settings.options_of({})
    return settings
