"""Files of a model: names, checksums and sources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from omz.checksum import file_digest
from omz.errors import os_reason
from omz.zoo.record import Record, RelativePath

_DIGITS = {"sha384": 96, "sha256": 64}


class Checksum(Record):
    """The digest of a file: ``value`` in lower-case hexadecimal digits."""

    algorithm: Literal["sha384", "sha256"] = Field(alias="$type")
    value: Annotated[str, AfterValidator(str.lower)]

    @model_validator(mode="after")
    def _has_the_digits_of_its_algorithm(self) -> Checksum:
        digits = _DIGITS[self.algorithm]
        if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", self.value):
            details = {"algorithm": self.algorithm, "digits": digits}
            raise PydanticCustomError("digest", "a {algorithm} has {digits} hexadecimal digits", details)
        return self

    @classmethod
    def of(cls, path: Path) -> Checksum:
        """Return the SHA-384 of a file."""
        return cls.model_validate({"$type": "sha384", "value": file_digest(path, "sha384")})

    def matches(self, path: Path) -> bool:
        """Tell whether a file has this digest."""
        return file_digest(path, self.algorithm) == self.value


def _read_checksum(value: Any) -> Any:
    """Infer the algorithm of a bare digest from its length."""
    if not isinstance(value, str):
        return value
    for algorithm, digits in _DIGITS.items():
        if len(value) == digits:
            return {"$type": algorithm, "value": value}
    details = {"found": len(value)}
    raise PydanticCustomError("digest", "a sha384 has 96 hexadecimal digits, a sha256 64, this {found}", details)


def _is_url(text: str) -> str:
    try:
        url = urlsplit(text)
        complete = bool(url.hostname)
        if url.scheme == "file":
            complete = url.netloc in ("", "localhost") and bool(url.path)
        _ = url.port  # raises for a bad one
    except ValueError:
        complete = False
    if not complete or url.scheme not in ("https", "http", "file") or re.search(r"[\s\0]", text):
        raise PydanticCustomError("url", "must be a URL that starts with https://, http:// or file:///")
    return text


class HttpSource(Record):
    """A file at ``url``, which may be https, http or file."""

    type: Literal["http"] = Field(alias="$type")
    url: Annotated[str, AfterValidator(_is_url)]


class GoogleDriveSource(Record):
    """A file on Google Drive, by its ``id``."""

    type: Literal["google_drive"] = Field(alias="$type")
    id: str = Field(pattern=r"^[0-9A-Za-z_-]+$")

    @property
    def url(self) -> str:
        """The address of the file itself, without the page that warns of viruses."""
        return f"https://drive.usercontent.google.com/download?id={self.id}&export=download&confirm=t"


class BundledSource(Record):
    """A file that ships in the card's own folder; arguments refer to it as ``$config_dir/NAME``."""

    type: Literal["bundled"] = Field(alias="$type")


def _read_source(value: Any) -> Any:
    if isinstance(value, str):
        return {"$type": "http", "url": value}
    return value


Remote = Annotated[HttpSource | GoogleDriveSource, Field(discriminator="type"), BeforeValidator(_read_source)]
Source = Annotated[
    HttpSource | GoogleDriveSource | BundledSource, Field(discriminator="type"), BeforeValidator(_read_source)
]


class ModelFile(Record):
    """One file of a model.

    ``size`` is in bytes, None if the publisher does not give it. The file is the same at ``source``, at each of
    ``mirrors`` and at ``original_source``, where it was first published.
    """

    name: RelativePath
    size: int | None = Field(default=None, ge=0, strict=True)
    checksum: Annotated[Checksum, BeforeValidator(_read_checksum)] = Field(
        validation_alias=AliasChoices("checksum", "sha256")
    )
    source: Source
    mirrors: tuple[Remote, ...] = ()
    original_source: Remote | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_one_checksum(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "checksum" in value and "sha256" in value:
            raise PydanticCustomError("digest", "checksum and sha256 exclude each other")
        return value

    @classmethod
    def keys(cls) -> list[str]:
        """Return the keys, and ``sha256``, the key of checksums in cards until 2021."""
        return [*super().keys(), "sha256"]

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the file, best first; empty for one that ships with its card."""
        sources = (self.source, *self.mirrors, self.original_source)
        remote = (source.url for source in sources if isinstance(source, HttpSource | GoogleDriveSource))
        return tuple(dict.fromkeys(remote))

    def problem_at(self, path: Path) -> str | None:
        """Return how ``path`` differs from this file, in words; None if it does not."""
        try:
            if not path.is_file():
                return "is missing"
            size = path.stat().st_size
            if self.size not in (None, size):
                return f"has {size} bytes, not {self.size} as on the card"
            if not self.checksum.matches(path):
                return f"has another {self.checksum.algorithm} than on the card"
        except OSError as error:
            return f"cannot be read: {os_reason(error)}"
        return None
