"""A whole benchmark: planned, measured, and, with a dataset, scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone

from omz.accuracy.provenance import package_versions
from omz.benchmark.candidate import Candidate
from omz.benchmark.machine import machine, warning
from omz.benchmark.measuring import Measurement, time_for
from omz.benchmark.planning import plan
from omz.benchmark.quality import Quality
from omz.benchmark.request import BenchmarkObserver, BenchmarkRequest
from omz.benchmark.results import BenchmarkRun


class Benchmark:
    """One run on this machine; where it is interrupted, :attr:`result` has what was measured so far.

    Example:
        >>> from omz.benchmark.request import BenchmarkRequest
        >>> names = ("background-matting-starter",)
        >>> request = BenchmarkRequest(names, precisions=("FP16",), sizes=("192x128",), time=1)
        >>> benchmark = Benchmark(request)
        >>> benchmark.run()
        >>> [row.case.size for row in benchmark.result.measured]
        ['192x128']

    """

    def __init__(self, request: BenchmarkRequest) -> None:
        """Check the request; raises :class:`omz.errors.UsageError`, and :class:`omz.errors.DataError`."""
        request.check()
        self._request = request
        self._quality = Quality(request) if request.dataset else None
        self._measurement: Measurement | None = None
        self._result: BenchmarkRun | None = None
        self._machine: dict[str, str] = {}
        self._warning = ""

    @property
    def metrics(self) -> Mapping[str, str]:
        """The units of the errors that will be measured, by name; empty without a dataset."""
        return self._quality.convention.units if self._quality else {}

    @property
    def result(self) -> BenchmarkRun | None:
        """The rows, None before the first candidate was loaded."""
        if self._result is None and self._measurement is not None:
            return self._run_of(self._measurement, is_whole=False)
        return self._result

    @property
    def results(self) -> list[BenchmarkRun]:
        """The :attr:`result`, if there is one."""
        return [] if self.result is None else [self.result]

    def run(self, observer: BenchmarkObserver | None = None) -> None:
        """Measure all. Raises :class:`omz.errors.OmzError` where nothing can be planned."""
        observer = observer or BenchmarkObserver()
        self._machine, self._warning = machine(), warning()
        if self._warning:
            observer.on_warning(self._warning)
        planned = plan(self._request, observer)
        count = sum(isinstance(each, Candidate) for each in planned)
        seconds = self._request.time or time_for(count)
        measurement = self._measurement = Measurement(planned, seconds, observer)
        measurement.run()
        run = self._run_of(measurement, is_whole=True)
        if self._quality is not None:
            rows = self._quality.add(run.rows, planned, observer)
            run = replace(run, rows=tuple(rows), dataset=self._quality.dataset.title)
            run = replace(run, convention=self._quality.convention.described, units=self._quality.convention.units)
        self._result = run

    def _run_of(self, measurement: Measurement, is_whole: bool) -> BenchmarkRun:
        return BenchmarkRun(
            machine=self._machine,
            versions=package_versions(),
            settings=self._request.settings(),
            command=self._request.command,
            finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            rows=measurement.rows,
            is_whole=is_whole,
            warning=self._warning,
        )
