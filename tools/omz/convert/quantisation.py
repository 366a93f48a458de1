"""IRs that compute in 8 bits, made by NNCF in a process of its own, for it prints, and needs much memory."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from omz.apart import Apart
from omz.atomic import replace_folder
from omz.checksum import file_digest
from omz.convert.converter import LOCK_FILE
from omz.convert.facts import describe_parity, kept_in
from omz.convert.int8_graph import outermost_convolutions, rename_new
from omz.convert.ir_file import read_model, save_ir
from omz.convert.manifest import Manifest, manifest_path
from omz.convert.parity import Parity, compare
from omz.errors import ConversionError, DataError, OmzError, first_line
from omz.extras import import_extra
from omz.locked import locked_folder
from omz.runtime.engine import Tensor, check_inputs
from omz.runtime.openvino_engine import OpenVINOEngine, default_precision
from omz.runtime.quiet_openvino import ov
from omz.zoo.card import Tolerance

Samples = Iterable[Mapping[str, Tensor]]

PRECISION = "FP16-INT8"
"""What Open Model Zoo calls it: in 8 bits what is quantised, in half precision the other weights."""
_TITLE = "NNCF"
_DEVICE = "CPU"
_COMPARED = 4  # samples
_ALL = 1 << 20  # samples: as many as there are
_WORKPLACE = ".quantising-"
_SECTION = "omz"


@dataclass(frozen=True)
class Quantised:
    """What came of it: ``path`` is the IR's ``.xml``; ``parity`` compares it with the IR that it was made of.

    ``samples`` is how many its ranges were measured on, ``sha256`` a digest of them all.
    """

    path: Path
    samples: int
    sha256: str
    nncf: str
    parity: tuple[Parity, ...]


def quantise(
    ir: Path, samples: Samples, target: Path, title: str = "samples", tolerance: Tolerance | None = None
) -> Quantised:
    """Make of the FP32 or FP16 IR at ``ir`` one that computes convolutions in 8 bits, at ``target``, an ``.xml``.

    Ranges are measured on ``samples``, the inputs of the IR; all are gone through, in another process: what makes them
    on demand saves memory. The same give the same bytes. What ``ir`` tells about itself stays, but for how it compares
    with its source: it is compared with ``ir``, and keeps its results where it is as near as ``tolerance`` allows.
    ``title`` says in it what the samples are. Give ``target`` a folder of its own, which is replaced as a whole, once
    the IR is whole. Raises :class:`ConversionError` where there is no IR, or it cannot be quantised or written,
    :class:`DataError` where there is no sample, and :class:`omz.errors.EngineError` where NNCF is missing, or a sample
    is not what the IR takes.
    """
    if not ir.is_file():
        raise ConversionError(f"there is no IR at {ir} to quantise; convert the model first")
    given = list(samples) if isinstance(samples, Iterator) else samples  # which could be gone through only once
    target = target.absolute()
    try:
        with locked_folder(target.parent.parent, LOCK_FILE), _workplace(target) as folder:
            made = Apart(_TITLE)(_quantise, ir.absolute(), given, folder / target.name, title, tolerance or Tolerance())
            replace_folder(folder, target.parent)
    except OSError as error:
        raise ConversionError(
            f"{target} cannot be written: {error.strerror or error}; quantise to another folder"
        ) from error
    return dataclasses.replace(made, path=target)


@contextlib.contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """Give a folder beside that of ``target``; remove what killed runs have left there."""
    beside = target.parent.parent
    for rest in beside.glob(f"{_WORKPLACE}*"):
        shutil.rmtree(rest, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=beside) as folder:
        inner = Path(folder, target.parent.name)
        inner.mkdir()
        yield inner


def _quantise(ir: Path, samples: Samples, xml: Path, title: str, tolerance: Tolerance) -> Quantised:
    """Do what :func:`quantise` says, in the process for NNCF; ``xml`` lies in a folder that is there."""
    os.environ["NNCF_CI"] = "1"  # no telemetry, wherever the reporting package comes from
    nncf = import_extra("nncf", "int8", _TITLE)
    source = OpenVINOEngine(ir, _DEVICE)
    watched = _Watched(samples, source)
    model = read_model(ir)
    names = {operation.get_friendly_name() for operation in model.get_ops()}
    try:
        quantised = nncf.quantize(
            model,
            nncf.Dataset(watched),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=_ALL,
            ignored_scope=nncf.IgnoredScope(names=outermost_convolutions(model)),
            advanced_parameters=_advanced_parameters(nncf),
        )
    except OmzError:
        raise
    except Exception as error:  # its errors have no common base but this one
        if not watched.count:
            raise DataError("there is no sample to measure ranges on; name a dataset with pictures") from error
        raise ConversionError(f"{ir} cannot be quantised: {first_line(error)}") from error
    rename_new(quantised, names)
    save_ir(quantised, xml, "FP16")
    parity = _parity(source, xml, watched.first, f"{ir.parent.name} IR")
    facts = {
        "quantised_by": f"NNCF {nncf.__version__}",
        "quantised_from": f"{ir.parent.name}, SHA-384 {file_digest(ir.with_suffix('.bin'))}",
        "quantised_on": f"{watched.count} samples, SHA-256 {watched.sha256}: {title}",
    }
    _describe(quantised, facts, parity, tolerance)
    save_ir(quantised, xml, "FP16")
    _write_manifest(ir, xml, facts, parity, tolerance)
    return Quantised(xml, watched.count, watched.sha256, nncf.__version__, parity)


def _advanced_parameters(nncf: Any) -> Any:
    """Return what NNCF's defaults do less well.

    Weights get half of the 8-bit range, for processors without VNNI sum pairs of products in 16 bits, which overflow:
    with the whole range the error of the starter's mattes grew by 3.1 % there and by 0.8 % elsewhere, with half of it
    by 1.3 % everywhere. Biases stay as they are, for correcting them moves mattes of the starter half as far again
    from those of the original.
    """
    from nncf.quantization.advanced_parameters import OverflowFix

    return nncf.AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE, disable_bias_correction=True)


class _Watched:
    """Samples, with what is seen of each the first time: how many they are, a digest of them, and some of them."""

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
    """Compare the IR at ``xml`` with ``source``, in f32 and in what the device prefers."""
    expected = [source.infer(sample) for sample in samples]
    exact = compare(expected, OpenVINOEngine(xml, _DEVICE), samples, title)
    if default_precision(_DEVICE) in ("", exact.precision):
        return (exact,)
    return exact, compare(expected, OpenVINOEngine(xml, _DEVICE, "default"), samples, title)


def _describe(model: ov.Model, facts: Mapping[str, str], parity: tuple[Parity, ...], tolerance: Tolerance) -> None:
    """Write what is known of the quantised model in the place of how that which it was made of compares."""
    section: Any = model.get_rt_info(_SECTION).astype(dict) if _SECTION in model.get_rt_info() else {}
    kept = {key: str(value.astype(str)) for key, value in section.items() if not key.startswith("parity_")}
    model.set_rt_info({**kept, **facts}, [_SECTION])
    describe_parity(model, parity, tolerance)


def _write_manifest(
    ir: Path, xml: Path, facts: dict[str, str], parity: tuple[Parity, ...], tolerance: Tolerance
) -> None:
    """Write the manifest of the IR at ``xml``, where the one that it was made of has one."""
    try:
        base = TypeAdapter(Manifest).validate_json(manifest_path(ir).read_bytes())
    except (OSError, ValueError):
        return
    files = [xml.with_suffix(suffix) for suffix in (".xml", ".bin")]
    described = f"{base.key} {sorted(facts.items())}"
    dataclasses.replace(
        base,
        precision=PRECISION,
        key=hashlib.sha384(described.encode()).hexdigest(),
        arguments={**base.arguments, "quantisation": facts},
        versions={**base.versions, "nncf": facts["quantised_by"].split()[-1], "openvino": ov.get_version()},
        files={path.name: {"size": path.stat().st_size, "sha384": file_digest(path)} for path in files},
        parity=parity,
        keeps_model_in=kept_in(parity, tolerance),
        seconds=0.0,
    ).write(manifest_path(xml))
