"""Runs as JSON, which can be merged: those of several machines, or of one before and after a change."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from pydantic import TypeAdapter, ValidationError

from omz.benchmark.results import BenchmarkRun
from omz.errors import DataError, os_reason, os_remedy
from omz.json_data import json_data
from omz.zoo.record import shown

SCHEMA = "omz-benchmark"
VERSION = 1
"""Grows when a key changes its meaning or goes; a new key alone does not change it."""

_POSITIVE = ("runs", "median_ms", "p90_ms", "p99_ms", "fps", "first_ms", "load_ms")
_NOT_NEGATIVE = ("warm_load_ms", "peak_memory", "disk")  # which may be unknown
_READER = TypeAdapter(tuple[BenchmarkRun, ...])


def write_json(file: TextIO, runs: Sequence[BenchmarkRun]) -> None:
    """Write runs as strict JSON: ``schema`` has its name and version, ``runs`` the records of :class:`BenchmarkRun`."""
    content = {"schema": {"name": SCHEMA, "version": VERSION}, "runs": json_data(runs)}
    json.dump(content, file, ensure_ascii=False, allow_nan=False, indent=1)
    file.write("\n")


def read_runs(paths: Sequence[Path]) -> list[BenchmarkRun]:
    """Return the runs in several files, in order, each once. Raises :class:`DataError`."""
    found: list[BenchmarkRun] = []
    for path in paths:
        for run in _read(path):
            if run not in found:
                found.append(run)
    return found


def _read(path: Path) -> Sequence[BenchmarkRun]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {os_reason(error)}; {os_remedy(error, 'check the path')}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON; give files that omz_benchmark -o NAME.json has written") from error
    schema = content.get("schema") if isinstance(content, Mapping) else None
    if not isinstance(schema, Mapping) or schema.get("name") != SCHEMA:
        raise DataError(f"{path} is not a result of omz_benchmark; give files that -o NAME.json has written")
    if schema.get("version") != VERSION:
        told = shown(schema.get("version"))
        raise DataError(f"{path} has version {told} of {SCHEMA}, not {VERSION}; use the omz_benchmark that wrote it")
    try:
        runs = _READER.validate_python(content.get("runs"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("runs", *first["loc"])))
        raise DataError(f"{path}: {place}: {first['msg']}; it was changed, so measure again") from error
    if not all(map(_is_possible, runs)):
        raise DataError(f"{path} has no rounds, or figures that are not positive; it was changed, so measure again")
    return runs


def _is_possible(run: BenchmarkRun) -> bool:
    """Tell whether the numbers of a run are some that can be divided by, and drawn."""
    numbers: list[float] = []
    for row in run.rows:
        numbers += [1.0 + abs(error) for error in row.quality.values()]
        if row.figures is None:
            continue
        if not row.figures.rounds:
            return False
        numbers += [getattr(row.figures, name) for name in _POSITIVE]
        numbers += [1.0 + (getattr(row.figures, name) or 0) for name in _NOT_NEGATIVE]
        for each in row.figures.rounds:
            numbers += [each.median_ms, each.fps, 1.0 + each.cpu_ms]
    return all(math.isfinite(number) and number > 0 for number in numbers)
