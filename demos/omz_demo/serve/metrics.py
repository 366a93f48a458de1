"""Metrics of a process, in the text format of Prometheus.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import os
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds


class Metrics:
    """Counts of requests and images, and how long they took; any thread may count."""

    def __init__(self) -> None:
        self._lock, self._started = Lock(), time.time()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()
        self._images: Counter[str] = Counter()
        self._stages: dict[str, float] = {}

    def ended(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        with self._lock:
            self._requests[path, status] += 1
            buckets = self._buckets.setdefault(path, [0] * (len(_BOUNDS) + 1))
            buckets[bisect_left(_BOUNDS, seconds)] += 1
            self._seconds[path] += seconds  # type: ignore[assignment]  # a Counter of floats

    def cut(self, model: str, stages: Mapping[str, float]) -> None:
        """Count an image; ``stages`` has milliseconds."""
        with self._lock:
            self._images[model] += 1
            for stage, milliseconds in stages.items():
                self._stages[stage] = self._stages.get(stage, 0.0) + milliseconds / 1e3

    def text(self, admitted: int) -> str:
        """Return all metrics; ``admitted`` is how many requests have a place of the queue."""
        with self._lock:
            lines = [*self._of_requests(), *self._of_images(), *_gauge("omz_admitted_requests", admitted)]
        lines += _gauge("process_start_time_seconds", self._started)
        lines += _of_process()
        return "\n".join([*lines, ""])

    def _of_requests(self) -> Iterator[str]:
        yield "# TYPE omz_requests_total counter"
        for (path, status), count in sorted(self._requests.items()):
            yield f'omz_requests_total{{path="{path}",status="{status}"}} {count}'
        yield "# TYPE omz_request_seconds histogram"
        for path, buckets in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*_BOUNDS, "+Inf"), buckets, strict=True):
                total += count
                yield f'omz_request_seconds_bucket{{path="{path}",le="{bound}"}} {total}'
            yield f'omz_request_seconds_sum{{path="{path}"}} {self._seconds[path]:.6f}'
            yield f'omz_request_seconds_count{{path="{path}"}} {total}'

    def _of_images(self) -> Iterator[str]:
        yield "# TYPE omz_images_total counter"
        for model, count in sorted(self._images.items()):
            yield f'omz_images_total{{model="{_escaped(model)}"}} {count}'
        yield "# TYPE omz_stage_seconds_total counter"
        for stage, seconds in sorted(self._stages.items()):
            yield f'omz_stage_seconds_total{{stage="{stage}"}} {seconds:.6f}'


def _gauge(name: str, value: float) -> list[str]:
    return [f"# TYPE {name} gauge", f"{name} {value}"]


def _of_process() -> Iterator[str]:
    times = os.times()
    yield "# TYPE process_cpu_seconds_total counter"
    yield f"process_cpu_seconds_total {times.user + times.system:.2f}"
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        yield from _gauge("process_resident_memory_bytes", pages * os.sysconf("SC_PAGE_SIZE"))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
