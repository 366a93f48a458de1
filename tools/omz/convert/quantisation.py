"""INT8 IRs, made by NNCF in an isolated process, for it prints and needs much memory."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any

from omz.atomic import replace_folder
from omz.checksum import file_digest
from omz.convert.cache import another_place
from omz.convert.facts import GRAPH, describe_graph, describe_parity, version_of
from omz.convert.float_layers import always_in_float
from omz.convert.ir_file import read_model, save_ir
from omz.convert.manifest import Manifest, manifest_path, ports_of, read_manifest
from omz.convert.parity import Parity, compare
from omz.convert.rewrite import has_graphs, with_graph
from omz.convert.workplace import LOCK_FILE
from omz.errors import ConversionError, DataError, OmzError, first_line, os_reason
from omz.extras import import_extra
from omz.isolated import IsolatedProcess
from omz.locked import locked_folder
from omz.runtime.engine import Tensor, check_inputs
from omz.runtime.openvino_engine import OpenVINOEngine, default_precision, facts_of
from omz.runtime.quiet_openvino import ov
from omz.zoo.card import Tolerance
from omz.zoo.vocabulary import GRAPHS, USUAL_INT8, QuantisedPrecision, TargetDevice, base_of

Samples = Iterable[Mapping[str, Tensor]]

_TITLE = "NNCF"
_DEVICE = "CPU"
_COMPARED = 4  # samples
_ALL = 1 << 20  # samples: as many as there are
_WORKPLACE = ".quantising-"
_SECTION = "omz"


@dataclass(frozen=True)
class Recipe:
    """Choices of a quantisation: the precision, the device it is for, and the layers that stay in float.

    ``in_float`` are names of operations of the IR that is quantised, besides those that always stay in float:
    :func:`omz.convert.float_layers.always_in_float`.
    """

    precision: QuantisedPrecision = USUAL_INT8
    target_device: TargetDevice = "ANY"
    in_float: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quantised:
    """A quantised IR: ``path`` is its ``.xml``; ``parity`` compares it with the IR that it was made from.

    ``samples`` is the number of samples that its ranges were measured on, ``sha256`` a digest of them all.
    """

    path: Path
    samples: int
    sha256: str
    nncf: str
    parity: tuple[Parity, ...]


def quantise(
    ir: Path,
    samples: Samples,
    target: Path,
    title: str = "samples",
    tolerance: Tolerance | None = None,
    recipe: Recipe = Recipe(),
) -> Quantised:
    """Quantise the convolutions of the FP32 or FP16 IR at ``ir`` to 8 bits; write the IR to ``target``, an ``.xml``.

    Ranges are measured on ``samples``, inputs of the IR, in another process; samples made on demand save memory. The
    same samples give the same bytes. The description in ``ir`` is kept, but for the comparison with its source: the new
    IR is compared with ``ir``, and keeps its results in precisions in which it is as near as ``tolerance`` allows.
    ``title`` says in the IR what the samples are. ``target`` needs a folder of its own, which is replaced as a whole
    once the IR is complete. Raises :class:`ConversionError` if the IR is missing, or cannot be quantised or written,
    :class:`DataError` if there are no samples, and :class:`omz.errors.EngineError` if NNCF is missing, or a sample does
    not fit the IR.
    """
    if not ir.is_file():
        raise ConversionError(f"there is no IR at {ir} to quantise; convert the model first")
    if isinstance(samples, Iterator):  # NNCF iterates more than once
        samples = list(samples)
    target = target.absolute()
    try:
        with locked_folder(target.parent.parent, LOCK_FILE), workplace(target) as folder:
            made = IsolatedProcess(_TITLE)(
                _quantise, ir.absolute(), samples, folder / target.name, title, tolerance or Tolerance(), recipe
            )
            replace_folder(folder, target.parent)
    except OSError as error:
        elsewhere = another_place(target, "quantise to")
        raise ConversionError(f"{target} cannot be written: {os_reason(error)}; {elsewhere}") from error
    return dataclasses.replace(made, path=target)


@contextlib.contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside that of ``target``; remove those of killed runs."""
    beside = target.parent.parent
    for rest in beside.glob(f"{_WORKPLACE}*"):
        shutil.rmtree(rest, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=beside) as folder:
        inner = Path(folder, target.parent.name)
        inner.mkdir()
        yield inner


def _quantise(ir: Path, samples: Samples, xml: Path, title: str, tolerance: Tolerance, recipe: Recipe) -> Quantised:
    """Do the work of :func:`quantise` in the process for NNCF; the folder of ``xml`` exists."""
    os.environ["NNCF_CI"] = "1"  # no telemetry, even if the reporting package is installed
    nncf = import_extra("nncf")
    source = OpenVINOEngine(ir, _DEVICE)
    watched = _Watched(samples, source)
    quantised = _in_8_bits(nncf, ir, watched, recipe)
    save_ir(quantised, xml, base_of(recipe.precision))
    parity = _parity(source, xml, watched.first, f"{ir.parent.name} IR")
    facts = {
        "quantised_by": f"NNCF {nncf.__version__}",
        "quantised_from": f"{ir.parent.name}, SHA-384 {file_digest(ir.with_suffix('.bin'))}",
        "quantised_on": f"{watched.count} samples, SHA-256 {watched.sha256}: {title}",
    }
    if recipe.in_float:
        facts["kept_in_float"] = ",".join(recipe.in_float)
    _describe(quantised, facts, parity, tolerance)
    save_ir(quantised, xml, base_of(recipe.precision))
    manifest = _manifest(ir, quantised, facts).of_ir(xml, recipe.precision, parity, tolerance)
    dataclasses.replace(manifest, kept_in_float=recipe.in_float).write(manifest_path(xml))
    return Quantised(xml, watched.count, watched.sha256, nncf.__version__, parity)


def _in_8_bits(nncf: Any, ir: Path, samples: _Watched, recipe: Recipe) -> ov.Model:
    model = _with_one_graph(read_model(ir))
    names = set(map(methodcaller("get_friendly_name"), model.get_ops()))
    in_float = dict.fromkeys((*always_in_float(model), *recipe.in_float))
    try:
        quantised = nncf.quantize(
            model,
            nncf.Dataset(samples),
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice[recipe.target_device],
            subset_size=_ALL,
            ignored_scope=nncf.IgnoredScope(names=[*in_float], validate=False),  # NNCF need not know all
            advanced_parameters=_advanced_parameters(nncf),
        )
    except OmzError:
        raise
    except Exception as error:  # the only base that its errors share
        if not samples.count:
            raise DataError("there are no samples to measure ranges on; name a dataset with images") from error
        raise ConversionError(f"{ir} cannot be quantised: {first_line(error)}") from error
    _rename_new(quantised, names)
    return quantised


def _with_one_graph(model: ov.Model) -> ov.Model:
    """Leave only the first graph in a model that has two, for NNCF quantises no layers of graphs inside of graphs."""
    if has_graphs(model):
        describe_graph(model, f"rewritten, {GRAPHS[0]}")
    return with_graph(model, GRAPHS[0])


def _advanced_parameters(nncf: Any) -> Any:
    """Return parameters that do better than NNCF's defaults.

    Weights use half of the 8-bit range, for processors without VNNI sum pairs of products in 16 bits, which overflow:
    with the whole range the error of the starter's mattes grew by 3.1 % there and by 0.8 % elsewhere, with half of it
    by 1.3 % everywhere. Biases are not corrected, for that moves the starter's mattes half as far again from those of
    the original.
    """
    from nncf.quantization.advanced_parameters import OverflowFix

    return nncf.AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE, disable_bias_correction=True)


def _rename_new(model: ov.Model, names: set[str]) -> None:
    """Rename operations not among ``names`` by their place, for OpenVINO's numbers depend on the process."""
    for number, operation in enumerate(model.get_ordered_ops()):
        name, kind = operation.get_friendly_name(), operation.get_type_name()
        if name not in names and re.fullmatch(rf"{kind}_\d+", name):
            operation.set_friendly_name(f"{kind}_int8_{number}")


class _Watched:
    """Samples that are counted, hashed, and in part remembered when they are first iterated."""

    def __init__(self, samples: Samples, engine: OpenVINOEngine) -> None:
        self._samples = samples
        self._inputs = engine.inputs
        self._digest = hashlib.sha256()
        self.count = 0
        self.first: list[dict[str, Tensor]] = []

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        for number, sample in enumerate(self._samples):
            if number == self.count:
                self._see(sample)
            yield dict(sample)

    def _see(self, sample: Mapping[str, Tensor]) -> None:
        check_inputs(self._inputs, sample)
        self.count += 1
        for name in sorted(sample):
            self._digest.update(f"{name} {sample[name].dtype.str} {sample[name].shape}".encode())
            self._digest.update(sample[name].tobytes())
        if len(self.first) < _COMPARED:
            self.first.append(dict(sample))


def _parity(source: OpenVINOEngine, xml: Path, samples: list[dict[str, Tensor]], title: str) -> tuple[Parity, ...]:
    """Compare the IR at ``xml`` with ``source``, in f32 and in the precision that the device prefers."""
    expected = list(map(source.infer, samples))
    exact = compare(expected, OpenVINOEngine(xml, _DEVICE), samples, title)
    if default_precision(_DEVICE) in ("", exact.precision):
        return (exact,)
    return exact, compare(expected, OpenVINOEngine(xml, _DEVICE, "default"), samples, title)


def _describe(model: ov.Model, facts: Mapping[str, str], parity: tuple[Parity, ...], tolerance: Tolerance) -> None:
    """Write ``facts`` and ``parity`` into the description of the quantised model; drop the parity of its original."""
    kept: dict[str, str] = {}
    if _SECTION in model.get_rt_info():
        section: Any = model.get_rt_info(_SECTION).astype(dict)
        kept = {key: str(value.astype(str)) for key, value in section.items() if not key.startswith("parity_")}
    model.set_rt_info({**kept, **facts}, [_SECTION])
    describe_parity(model, parity, tolerance)


def _manifest(ir: Path, model: ov.Model, facts: dict[str, str]) -> Manifest:
    """Return the manifest of the IR at ``ir``, changed to that of the quantised ``model``; its files are missing.

    An IR of another tool, which has no manifest, is itself the source.
    """
    try:
        base = read_manifest(ir)
    except (OSError, ValueError):
        base = _manifest_of_other(ir, model)
    described = f"{base.key} {sorted(facts.items())}"
    return dataclasses.replace(
        base,
        key=hashlib.sha384(described.encode()).hexdigest(),
        arguments={**base.arguments, "quantisation": facts},
        versions={**base.versions, "nncf": facts["quantised_by"].split()[-1], "openvino": ov.get_version()},
        graph=facts_of(model).get(GRAPH, ""),
        seconds=0.0,
    )


def _manifest_of_other(ir: Path, model: ov.Model) -> Manifest:
    digest = file_digest(ir)
    return Manifest(
        name=ir.stem,
        precision="",
        key=digest,
        source={"file": f"{ir.parent.name}/{ir.name}", "sha384": digest},
        arguments={},
        versions={"open-matting-zoo": version_of("open-matting-zoo")},
        inputs=ports_of(model.inputs),
        outputs=ports_of(model.outputs),
        files={},
        check="none",
        parity=(),
        keeps_model_in=(),
    )
