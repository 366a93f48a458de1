"""Whether weights belong to a network: every parameter, no other, each of its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from omz.errors import ModelFileError

_TOLD = 3


def check_fit(
    expected: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[int]], path: Path, network: str
) -> None:
    """Raise :class:`ModelFileError` unless the file at ``path`` has what ``network`` expects: shapes by name.

    It names what is missing, surplus or misshapen.
    """
    problems = [
        *(f"{name} is missing" for name in expected if name not in found),
        *(f"{name} is not part of the network" for name in found if name not in expected),
        *(
            f"{name} is {list(found[name])} instead of {list(shape)}"
            for name, shape in expected.items()
            if name in found and list(found[name]) != list(shape)
        ),
    ]
    if problems:
        more = f" and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        raise ModelFileError(
            f"{path} does not fit {network}: {', '.join(problems[:_TOLD])}{more}; "
            "use the weights and the arguments that belong together"
        )
