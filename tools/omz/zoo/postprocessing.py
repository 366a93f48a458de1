"""Steps after a download: changes to a model's files."""

from __future__ import annotations

import re
import warnings
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from omz.zoo.record import Record, RelativePath


def _compiles(pattern: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        details = {"reason": str(error)}
        raise PydanticCustomError("regex", "is not a valid regular expression: {reason}", details) from None
    return pattern


class RegexReplace(Record):
    """Replace the matches of ``pattern`` in a UTF-8 file: exactly ``count``, or (0) at least one."""

    type: Literal["regex_replace"] = Field(alias="$type")
    file: RelativePath
    pattern: Annotated[str, AfterValidator(_compiles)]
    replacement: str
    count: int = Field(default=0, ge=0, strict=True)

    @model_validator(mode="after")
    def _replacement_fits_the_pattern(self) -> RegexReplace:
        compiled = re.compile(self.pattern)
        names = {number: f"?P<{name}>" for name, number in compiled.groupindex.items()}
        alike = "".join(f"({names.get(number, '')})" for number in range(1, compiled.groups + 1))
        try:
            re.sub(alike, self.replacement, "")  # the pattern itself may never end, even on no text
        except (re.error, IndexError) as error:
            reason = "replacement does not fit the pattern: {reason}"
            raise PydanticCustomError("regex", reason, {"reason": str(error)}) from None
        return self


class UnpackArchive(Record):
    """Unpack an archive into the folder it lies in, and remove it."""

    type: Literal["unpack_archive"] = Field(alias="$type")
    file: RelativePath
    format: Literal["zip", "tar", "gztar", "bztar", "xztar"]


Postprocessing = Annotated[RegexReplace | UnpackArchive, Field(discriminator="type")]
