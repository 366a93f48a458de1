"""``omz_benchmark``: what models cost on this machine, and which is the best for it."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omz.cli.cluster_flag import cluster_option
from omz.cli.command import omz_command
from omz.cli.selection import Selection, selection_options
from omz.errors import Interrupted, OmzError, UsageError

if TYPE_CHECKING:
    from omz.benchmark.recommendation import Condition
    from omz.benchmark.request import BenchmarkRequest
    from omz.benchmark.results import BenchmarkRun

_PATH = click.Path(path_type=Path)


@omz_command()
@click.argument("files", nargs=-1, type=_PATH)
@selection_options
@click.option("-m", "--model", "models", type=_PATH, multiple=True, metavar="FILE", help="IR or ONNX file; repeatable.")
@click.option("--download_dir", type=_PATH, metavar="DIR", help="Folder of downloaded models; default: OMZ_HOME.")
@click.option("--model_dir", type=_PATH, metavar="DIR", help="Where omz_converter and omz_quantizer wrote IRs.")
@click.option(
    "--precisions", default="FP32,FP16", show_default=True, metavar="LIST",
    help="Weights, such as FP16-INT8; @bf16, @f32 or @default say how to execute.",
)  # fmt: skip
@click.option(
    "-d", "--device", "devices", multiple=True, metavar="DEVICE",
    help="CPU, GPU.1, AUTO, MULTI:GPU,CPU, ...; repeatable. Default: all that OpenVINO lists.",
)  # fmt: skip
@click.option(
    "--sizes", default="1280x720", show_default=True, metavar="LIST", help="Sizes of images for models of free size."
)
@click.option(
    "--streams", default="latency", show_default=True, metavar="LIST",
    help="latency (one image at a time), throughput (as OpenVINO chooses), or numbers.",
)  # fmt: skip
@click.option("--compare", metavar="LIST", help="Run originals beside the IRs: onnxruntime, pytorch, rembg.")
@click.option("--num_threads", type=click.IntRange(1), help="Threads of an engine; default: its own choice.")
@click.option("--time", type=float, help="Seconds to measure each; default: 10, or less where they are many.")
@click.option("--dataset", metavar="DIR|synthetic", help="Frames with their truth, to have errors beside latency.")
@click.option("--layout", help="Layout of the dataset; default: detect it.")
@click.option("--num_frames", type=click.IntRange(1), help="Number of frames; 20 of the synthetic ones.")
@click.option("--convention", help="Convention of the errors, as of omz_accuracy; default: omz.")
@click.option(
    "--recommend", multiple=True, metavar="CONDITIONS",
    help="Name the best for fps>=30, latency<=50, memory<=500 (MB), MAD<=9, ...; repeatable.",
)  # fmt: skip
@click.option(
    "-o", "--output", "outputs", type=_PATH, multiple=True, metavar="FILE",
    help="Write .html, .json, .csv or .md; repeatable.",
)  # fmt: skip
@click.option("--merge", is_flag=True, help="Measure nothing; show the .json FILES of runs, maybe of other machines.")
@click.option("--trust_code", is_flag=True, help="Run code that comes with cards and weights.")
@cluster_option("Measure each machine", takes_local=False)
def main(
    files: tuple[Path, ...],
    selection: Selection,
    merge: bool,
    recommend: tuple[str, ...],
    outputs: tuple[Path, ...],
    cluster: str | None,
    **flags: Any,
) -> None:
    """Measure latency, throughput, load time, memory and size of models, and their errors on a dataset.

    All that fits into memory runs in turn, so that ratios hold on a busy machine; differences that noise explains are
    called so. Nothing is downloaded.
    """
    from omz.benchmark.writing import check_outputs

    check_outputs(outputs)
    if merge:
        if not selection.empty or flags["models"]:
            raise UsageError("--merge measures nothing; leave --name, --list, --all and -m out")
        if cluster is not None:
            raise UsageError("--merge measures nothing; leave --cluster out")
        _merge(files, outputs, recommend)
        return
    if files:
        raise UsageError(f"{files[0]}: files are for --merge; give a model's file by -m")
    _measure(_request(selection, flags), cluster, outputs, recommend)


def _merge(files: tuple[Path, ...], outputs: tuple[Path, ...], recommend: tuple[str, ...]) -> None:
    from omz.benchmark.stored import read_runs

    if not files:
        raise UsageError("--merge needs the files of runs, which -o NAME.json has written")
    runs = read_runs(files)
    metrics = [name for run in runs for name in run.metrics]
    _finish(runs, outputs, _conditions(recommend, metrics))


def _request(selection: Selection, flags: dict[str, Any]) -> BenchmarkRequest:
    from omz.benchmark.request import BenchmarkRequest

    for name in ("precisions", "sizes", "streams", "compare"):
        flags[name] = _listed(name, flags[name])
    names = () if selection.empty and flags["models"] else tuple(selection.names())
    return BenchmarkRequest(names, models_dir=selection.models_dir, command=("omz_benchmark", *sys.argv[1:]), **flags)


def _measure(
    request: BenchmarkRequest, cluster: str | None, outputs: tuple[Path, ...], recommend: tuple[str, ...]
) -> None:
    from omz.benchmark.cluster import ClusterBenchmark
    from omz.benchmark.run import Benchmark
    from omz.cli.benchmark_display import BenchmarkDisplay

    benchmark = Benchmark(request) if cluster is None else ClusterBenchmark(request, cluster)
    conditions = _conditions(recommend, benchmark.metrics)
    try:
        with BenchmarkDisplay() as display:
            benchmark.run(display)
    except KeyboardInterrupt:
        if not _are_measured(benchmark.results):
            raise
        _finish(benchmark.results, outputs, ())
        raise Interrupted("the table has what was measured before") from None
    except OmzError:
        if _are_measured(benchmark.results):
            _finish(benchmark.results, outputs, ())
        raise
    _finish(benchmark.results, outputs, conditions)
    if not _are_measured(benchmark.results):
        raise OmzError("nothing was measured; the reasons are above")


def _are_measured(runs: list[BenchmarkRun]) -> bool:
    return any(run.measured for run in runs)


def _conditions(recommend: tuple[str, ...], metrics: Collection[str]) -> tuple[Condition, ...]:
    from omz.benchmark.recommendation import parse_conditions

    return parse_conditions(recommend, metrics) if recommend else ()


def _finish(runs: list[BenchmarkRun], outputs: tuple[Path, ...], conditions: tuple[Condition, ...]) -> None:
    """Print and write runs; name the best of each. Exits with 1 where nothing can be recommended."""
    from omz.benchmark.recommendation import recommend
    from omz.benchmark.writing import write_results
    from omz.cli.benchmark_display import show, show_recommendation
    from omz.cli.tables import terminal

    console, found_all = terminal(), True
    show(console, runs)
    write_results(outputs, runs)
    if not conditions:
        return
    for run in runs:
        found = recommend(run, conditions)
        show_recommendation(console, found)
        found_all = found_all and found.row is not None
    if not found_all:
        raise click.exceptions.Exit(1)


def _listed(flag: str, text: str | None) -> tuple[str, ...]:
    """Return the parts of a list; raises :class:`UsageError` for one that is missing beside a comma."""
    parts = tuple(map(str.strip, text.split(","))) if text else ()
    if "" in parts:
        raise UsageError(f"--{flag} {text}: a value is missing beside a comma")
    return parts


if __name__ == "__main__":
    main()
