"""Records as data that JSON has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any


def json_data(value: Any) -> Any:
    """Return records, mappings and sequences of any depth as dicts and lists; numbers that are not finite as None.

    Example:
        >>> json_data({1: (0.5, math.nan)})
        {'1': [0.5, None]}

    """
    if is_dataclass(value):
        return json_data(vars(value))
    if isinstance(value, Mapping):
        return {str(key): json_data(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(map(json_data, value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None  # numpy's floats, too
    return value
