"""Compare numbers once more, computed as processors with fewer instructions, or one core, compute them.

``make test-processors`` runs this. Libraries are told by their own variables which instructions to leave alone; what
the processor at hand lacks is skipped by name. It prints, for each test that compares floating-point numbers, the
largest share of its tolerance that was used. As a pytest plugin, this file measures that share.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
NETWORKS = (
    "tests/unit/networks/test_background_matting.py", "tests/unit/networks/test_refiner.py",
    "tests/unit/networks/test_semantic_human_matting.py", "tests/unit/training/test_losses.py",
)  # fmt: skip
NUMERIC = (
    *NETWORKS, "tests/unit/networks/test_plate_matting.py",
    "tests/unit/test_published_graph.py", "tests/unit/matting/test_network.py",
    "tests/unit/matting/test_inference.py", "tests/unit/images", "tests/unit/metrics",
    "tests/unit/convert/test_matting_graphs.py", "tests/unit/convert/test_converter.py",
    "tests/unit/convert/test_onnx_to_ir.py", "tests/commands/test_starter.py",
    "tests/unit/convert/test_mindspore_to_onnx.py::test_what_is_exported_gives_what_mindspore_gives",
    "tests/unit/convert/test_mindspore_to_onnx.py::test_what_is_exported_is_as_exact_as_mindspore",
    "tests/unit/convert/test_quantisation.py::test_it_still_mattes_and_what_8_bits_cost_is_simulated",
)  # fmt: skip
RECORD = "TEST_TOLERANCES"
"""The variable that names the file for the shares of tolerances that were used."""


@dataclass(frozen=True)
class Processor:
    """Which instructions libraries may use, in their own words, and on how many cores; ``needs`` is a flag of Linux."""

    title: str
    needs: str
    aten: str = ""
    onednn: str = ""
    opencv_without: str = ""
    numpy_without: tuple[str, ...] = ()
    cores: int = 2
    tests: tuple[str, ...] = NUMERIC

    def environment(self) -> dict[str, str]:
        """Return the variables that libraries read when they load."""
        disabled = " ".join(name for name in self.numpy_without if name in _numpy_features())
        told = {
            "ATEN_CPU_CAPABILITY": self.aten,
            "ONEDNN_MAX_CPU_ISA": self.onednn,
            "OPENCV_CPU_DISABLE": self.opencv_without,
            "NPY_DISABLE_CPU_FEATURES": disabled,
        }
        return {name: value for name, value in told.items() if value}


_WITHOUT_AVX512 = (
    "X86_V4", "AVX512F", "AVX512CD", "AVX512_SKX", "AVX512_CLX", "AVX512_CNL", "AVX512_ICL", "AVX512_SPR",
)  # fmt: skip
_WITHOUT_AVX2 = ("X86_V3", "AVX2", "FMA3", *_WITHOUT_AVX512)
PROCESSORS = (
    Processor("as it is, 1 core", "", cores=1, tests=NETWORKS),
    Processor("AVX-512 without VNNI", "avx512bw", "avx512", "AVX512_CORE"),
    Processor("AVX2", "avx2", "avx2", "AVX2", "AVX512-SKX", _WITHOUT_AVX512),
    Processor("AVX2, 1 core", "avx2", "avx2", "AVX2", "AVX512-SKX", _WITHOUT_AVX512, cores=1, tests=NETWORKS),
    # OpenVINO itself needs AVX2: its Interpolate fails with less.
    Processor("SSE4.1", "", "default", "SSE41", "AVX2,AVX512-SKX", _WITHOUT_AVX2, tests=NETWORKS),
)
WITHOUT_BFLOAT16 = ("AVX2", "SSE41")
"""Limits of oneDNN under which OpenVINO crashes in bfloat16, which it still takes for the processor's own."""
NEED_BFLOAT16 = "bfloat16 or alike_on_every_processor"
"""Tests that run models in bfloat16, the second one in a process of its own."""


def main() -> int:
    """Run the numeric tests as each processor; return 1 if one of them failed."""
    flags = _processor_flags()
    shares: dict[str, dict[str, float]] = {}
    failed = []
    for processor in PROCESSORS:
        if processor.needs not in flags:
            print(f"{processor.title}: skipped, this processor has no {processor.needs}")
            continue
        print(f"{processor.title}: {processor.environment()}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            record = Path(folder, "shares.json")
            if not _run(processor, record):
                failed.append(processor.title)
            shares[processor.title] = json.loads(record.read_text()) if record.exists() else {}
    _print_table(shares)
    print(f"failed as: {'; '.join(failed)}" if failed else "all held")
    return bool(failed)


def _run(processor: Processor, record: Path) -> bool:
    left_out = ["-k", f"not ({NEED_BFLOAT16})"] if processor.onednn in WITHOUT_BFLOAT16 else []
    chosen = ["-p", "helpers.processors", "-p", "no:cacheprovider", "-m", "not slow and not legacy", *left_out]
    command = [sys.executable, "-m", "pytest", "-q", *chosen, *processor.tests]
    path = os.pathsep.join(filter(None, [str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **processor.environment(), RECORD: str(record), "PYTHONPATH": path}
    available = sorted(os.sched_getaffinity(0))[: processor.cores]
    return not subprocess.run(
        command, cwd=ROOT, env=environment, check=False, preexec_fn=lambda: os.sched_setaffinity(0, available)
    ).returncode


def _print_table(shares: Mapping[str, Mapping[str, float]]) -> None:
    tests = sorted({test for each in shares.values() for test in each})
    print("\nlargest share of the tolerance that a test used, in percent; tests below 10 % everywhere are left out")
    print(" | ".join([*shares, "test"]))
    for test in tests:
        row = [each.get(test, 0.0) for each in shares.values()]
        if max(row) >= 0.1:
            print(" | ".join([*(f"{100 * share:4.0f}" for share in row), test]))


def _processor_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {""}
    return {"", *next((line.split(":")[1].split() for line in lines if line.startswith("flags")), [])}


def _numpy_features() -> set[str]:
    core = getattr(np, "_core", None) or np.core
    return set(core._multiarray_umath.__cpu_dispatch__)


class _Shares:
    """The largest share of its tolerance that each test has used."""

    def __init__(self) -> None:
        self.found: dict[str, float] = {}
        self.test = ""

    def note(self, actual: object, desired: object, rtol: float, atol: float) -> None:
        one, other = np.asarray(actual, float), np.asarray(desired, float)
        allowed = atol + rtol * np.abs(other)
        difference = np.abs(one - other)
        share = np.divide(difference, allowed, out=np.zeros_like(difference), where=allowed > 0)
        largest = float(np.nanmax(share, initial=0.0))
        self.found[self.test] = max(self.found.get(self.test, 0.0), largest)


_shares = _Shares()
_assert_allclose = np.testing.assert_allclose


def _noting_assert_allclose(actual, desired, rtol=1e-7, atol=0, **others):
    _assert_allclose(actual, desired, rtol, atol, **others)
    _shares.note(actual, desired, rtol, atol)


def pytest_configure() -> None:
    """Measure every comparison of arrays; have OpenVINO prefer f32 where it cannot run bfloat16."""
    np.testing.assert_allclose = _noting_assert_allclose
    if os.environ.get("ONEDNN_MAX_CPU_ISA") in WITHOUT_BFLOAT16:
        from omz.runtime.quiet_openvino import core

        core().set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Remember which test compares."""
    _shares.test = item.nodeid
    return (yield)


def pytest_unconfigure() -> None:
    """Write what was measured."""
    np.testing.assert_allclose = _assert_allclose
    if RECORD in os.environ:
        Path(os.environ[RECORD]).write_text(json.dumps(_shares.found))


if __name__ == "__main__":
    sys.exit(main())
