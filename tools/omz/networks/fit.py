"""Check that weights fit a network: every parameter, no other, each of its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from omz.errors import ModelFileError

_TOLD = 3


def check_fit(
    expected: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[int]], path: Path, network: str
) -> None:
    """Raise :class:`ModelFileError` unless the shapes by name in the file at ``path`` are those of ``network``.

    The message names parameters that are missing, surplus or misshapen.
    """
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} is not part of the network" for name in found if name not in expected]
    for name, shape in expected.items():
        if name in found and list(found[name]) != list(shape):
            problems.append(f"{name} is {list(found[name])} instead of {list(shape)}")
    if problems:
        more = f" and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        raise ModelFileError(
            f"{path} does not fit {network}: {', '.join(problems[:_TOLD])}{more}; "
            "use the weights and the arguments that belong together"
        )
