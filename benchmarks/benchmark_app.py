"""Latencies of omz_benchmark beside those of OpenVINO's benchmark_app, on the same IR: a line of benchmarks/README.md.

    python benchmarks/benchmark_app.py

Both measure the starter at 640x384 in f32 with the same properties, in turn; the result is the median of the ratios of
their medians.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import machine

from omz.convert.store import stored_ir
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog

ROUNDS, SECONDS = 7, 4
PROGRAMS = Path(sys.executable).parent


def main() -> None:
    """Print the ratio of each round, and their median."""
    ir = stored_ir(Catalog()["background-matting-starter"], Path())
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            ratios.append(ours(ir, Path(folder, f"{number}.json")) / theirs(ir))
    print(f"{machine()}, OpenVINO {ov.get_version()}")
    rounds = ", ".join(f"{each:.3f}" for each in ratios)
    print(f"omz_benchmark / benchmark_app: {statistics.median(ratios):.3f} ({rounds})")


def ours(ir: Path, results: Path) -> float:
    """Return the median milliseconds that omz_benchmark measures."""
    command = [PROGRAMS / "omz_benchmark", "-m", ir, "--precisions", "FP16@f32", "-d", "CPU", "--sizes", "640x384"]
    _run(*command, "--time", SECONDS, "-o", results)
    [run] = json.loads(results.read_text())["runs"]
    return float(run["rows"][0]["figures"]["median_ms"])


def theirs(ir: Path) -> float:
    """Return the median milliseconds that benchmark_app measures."""
    command = [PROGRAMS / "benchmark_app", "-m", ir, "-d", "CPU", "-hint", "latency", "-infer_precision", "f32"]
    told = _run(*command, "-shape", "src[1,3,384,640],bgr[1,3,384,640]", "-t", SECONDS)
    found = re.search(r"Median:\s+([\d.]+) ms", told)
    assert found, told
    return float(found[1])


def _run(*command: object) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
