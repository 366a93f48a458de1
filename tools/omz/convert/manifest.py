"""The manifest of an IR, a file beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from omz.checksum import file_digest
from omz.convert.facts import GRAPH, kept_in, version_of
from omz.convert.parity import Parity
from omz.convert.plan import CHECKS, Check, ConversionPlan
from omz.matting.roles import description_of
from omz.runtime.openvino_engine import facts_of
from omz.runtime.quiet_openvino import ov
from omz.zoo.card import ModelCard, Tolerance
from omz.zoo.model_file import Checksum
from omz.zoo.preprocessing import Preprocessing, by_input

if TYPE_CHECKING:
    from omz.convert.sources import Sources  # loads onnx


@dataclass(frozen=True)
class Manifest:
    """The origin, inputs, outputs and files of an IR.

    ``key`` changes with everything that the IR depends on: source, arguments and versions. ``inputs`` have name, shape,
    type, and the preprocessing inside the IR; ``files`` have size in bytes and SHA-384 by name. ``check`` says how the
    IR was compared with its source, and ``parity`` with what result, f32 first; ``keeps_model_in`` are the precisions
    of execution in which it does what the source does. ``seconds`` is the time since the start of the conversion.
    ``compression`` compares an IR with weights in half precision with that in full precision, and ``kept_in_f32`` are
    its constants that stayed in full precision, for their rounding hurts. ``graph`` says which graph the IR has, if its
    card asks to rewrite it, ``selection_threshold`` the expected error above which it refines blocks, and ``selection``
    compares it, as it selects them, with the source; both are None if it refines as many as the source does, as
    ``parity`` has it do. Of a quantised IR, ``kept_in_float`` are the layers that 8 bits would have hurt, and
    ``quantisation`` says on which images it was made, and by which figures it was judged.
    """

    name: str
    precision: str
    key: str
    source: dict[str, str]
    arguments: dict[str, Any]
    versions: dict[str, str]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    files: dict[str, dict[str, Any]]
    check: Check
    parity: tuple[Parity, ...]
    keeps_model_in: tuple[str, ...]
    seconds: float = 0.0
    compression: Parity | None = None
    kept_in_f32: tuple[str, ...] = ()
    graph: str = ""
    selection_threshold: float | None = None
    selection: Parity | None = None
    kept_in_float: tuple[str, ...] = ()
    quantisation: dict[str, Any] = field(default_factory=dict)

    def of_ir(self, xml: Path, precision: str, parity: tuple[Parity, ...], tolerance: Tolerance) -> Manifest:
        """Return this manifest with the files of the IR at ``xml``, which must be complete, and its ``parity``."""
        files = {}
        for path in _parts(xml):
            files[path.name] = {"size": path.stat().st_size, "sha384": file_digest(path)}
        kept = kept_in(parity, tolerance)
        return dataclasses.replace(self, precision=precision, files=files, parity=parity, keeps_model_in=kept)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        text = json.dumps(dataclasses.asdict(self), indent=2, default=str, allow_nan=False)
        path.write_text(f"{text}\n", encoding="utf-8")


_READER = TypeAdapter(Manifest)


def manifest_path(xml: Path) -> Path:
    """Return the path of the manifest of an IR."""
    return xml.with_suffix(".json")


def read_manifest(xml: Path) -> Manifest:
    """Return the manifest of the IR at ``xml``; raises :class:`OSError` or :class:`ValueError`."""
    return _READER.validate_json(manifest_path(xml).read_bytes())


def conversion_key(plan: ConversionPlan, sources: Sources) -> str:
    """Return 96 hexadecimal digits that change with everything that the IRs of ``plan`` depend on."""
    return _key(plan, sources.needed, _versions(plan))


def make_manifest(
    plan: ConversionPlan, key: str, sources: Sources, model: ov.Model, preprocessing: tuple[Preprocessing, ...]
) -> Manifest:
    """Return what all IRs of ``plan`` have in common: a manifest without precision, files and parity."""
    steps = by_input(preprocessing)
    inputs = []
    for port in model.inputs:
        step = steps.get(port.any_name)
        inputs.append(_port(port) | {"preprocessing": dataclasses.asdict(step) if step else None})
    return Manifest(
        name=plan.card.name,
        precision="",
        key=key,
        source={"file": sources.name, sources.main.algorithm: sources.main.value},
        arguments=_arguments(plan),
        versions=_versions(plan),
        inputs=inputs,
        outputs=ports_of(model.outputs),
        files={},
        check=plan.settings.check,
        parity=(),
        keeps_model_in=(),
        graph=facts_of(model).get(GRAPH, ""),
        selection_threshold=plan.settings.selection_threshold,
    )


def is_whole(xml: Path) -> bool:
    """Tell, at a glance, whether the IR at ``xml`` is complete: its files have the sizes in its manifest."""
    try:
        files = json.loads(manifest_path(xml).read_text(encoding="utf-8"))["files"]
        return bool(files) and all(xml.with_name(name).stat().st_size == entry["size"] for name, entry in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def made_by(xml: Path, plan: ConversionPlan) -> bool:
    """Tell whether the manifest of the IR at ``xml`` names the source and card of ``plan``, whatever the versions."""
    try:
        manifest = json.loads(manifest_path(xml).read_text(encoding="utf-8"))
        source = manifest["source"]
        checksum = {file.name: file.checksum for file in plan.card.files}[source["file"]]
        is_source = source[checksum.algorithm] == checksum.value
        return is_source and bool(manifest["key"] == _key(plan, (checksum,), manifest["versions"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def is_intact(xml: Path) -> bool:
    """Tell whether the files of the IR at ``xml`` are those of its manifest, byte for byte."""
    try:
        return _has_its_files(xml, read_manifest(xml))
    except (OSError, ValueError, KeyError):
        return False


def is_of(xml: Path, card: ModelCard) -> bool:
    """Tell whether the manifest of the IR at ``xml`` names a file of ``card`` as its source, as the card has it now."""
    try:
        source = json.loads(manifest_path(xml).read_text(encoding="utf-8"))["source"]
        checksum = {file.name: file.checksum for file in card.files}[source["file"]]
        return bool(source[checksum.algorithm] == checksum.value)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def current_manifest(xml: Path, key: str, check: Check) -> Manifest | None:
    """Return the manifest of the IR at ``xml``, or None if the IR is not the one wanted.

    It must have ``key``, be compared with its source at least as thoroughly as ``check``, and have unchanged files.
    """
    try:
        manifest = read_manifest(xml)
        current = (
            manifest.key == key
            and CHECKS.index(manifest.check) >= CHECKS.index(check)
            and {*manifest.files} == {path.name for path in _parts(xml)}
            and _has_its_files(xml, manifest)
        )
    except (OSError, ValueError, KeyError):
        return None
    return manifest if current else None


def _key(plan: ConversionPlan, sources: Sequence[Checksum], versions: dict[str, str]) -> str:
    described = [
        plan.card.name,
        plan.card.task_type,
        plan.card.model_info.model_dump(mode="json", exclude_unset=True),
        plan.card.parity.model_dump(mode="json"),
        [f"{checksum.algorithm}:{checksum.value}" for checksum in sources],
        _arguments(plan),
        versions,
    ]
    if plan.rewrite:
        described.append({"rewrite": plan.rewrite.network})
        if plan.rewrite.threshold is not None:
            described.append({"selection_threshold": plan.rewrite.threshold})
    roles = description_of(plan.card).as_text()
    if roles:
        described.append(roles)
    return hashlib.sha384(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()


def _has_its_files(xml: Path, manifest: Manifest) -> bool:
    return all(file_digest(xml.with_name(name)) == entry["sha384"] for name, entry in manifest.files.items())


def _parts(xml: Path) -> tuple[Path, Path]:
    """Return the files of an IR."""
    return xml, xml.with_suffix(".bin")


def _arguments(plan: ConversionPlan) -> dict[str, Any]:
    """Return the parsed arguments, with names in the place of paths, which differ from machine to machine."""
    understood: dict[str, Any] = {"model_optimizer": dataclasses.asdict(plan.optimizer)}
    if plan.settings.optimizer_program:
        understood["model_optimizer_program"] = Path(plan.settings.optimizer_program[-1]).name
    if plan.export:
        understood["onnx_export"] = dataclasses.asdict(plan.export)
    for arguments in understood.values():
        if isinstance(arguments, dict):
            arguments.update({key: value.name for key, value in arguments.items() if isinstance(value, Path)})
    return understood


def _versions(plan: ConversionPlan) -> dict[str, str]:
    tools = {"open-matting-zoo": version_of("open-matting-zoo"), "openvino": ov.get_version()}
    exporter = {"pytorch": "torch", "mindspore": "mindspore"}.get(plan.card.framework)
    if exporter:
        tools |= {exporter: version_of(exporter), "onnx": version_of("onnx")}
    return tools


def ports_of(ports: Sequence[Any]) -> list[dict[str, Any]]:
    """Return name, shape and type of inputs or outputs of a model."""
    return list(map(_port, ports))


def _port(port: Any) -> dict[str, Any]:
    return {
        "name": port.any_name,
        "shape": str(port.get_partial_shape()),
        "type": port.get_element_type().get_type_name(),
    }
