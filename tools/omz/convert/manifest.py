"""What is known of an IR, in a file beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omz.checksum import file_digest
from omz.convert.plan import ConversionPlan
from omz.runtime.quiet_openvino import ov
from omz.zoo.model_file import Checksum
from omz.zoo.preprocessing import Preprocessing

_PARTS = (".xml", ".bin")


@dataclass(frozen=True)
class Manifest:
    """Where an IR comes from, what it takes and gives, and which bytes it is.

    ``key`` changes with whatever the IR depends on: source, arguments and versions. ``inputs`` have name, shape, type,
    and the preprocessing that is baked in; ``files`` size in bytes and SHA-384 by name; ``seconds`` is how long the
    conversion took, all precisions together.
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
    seconds: float


def manifest_path(xml: Path) -> Path:
    """Return where the manifest of an IR is."""
    return xml.with_suffix(".json")


def conversion_key(plan: ConversionPlan, source_checksum: Checksum) -> str:
    """Return 96 hexadecimal digits that change with whatever the IRs of ``plan`` depend on."""
    described = [
        plan.card.name,
        plan.card.task_type,
        f"{source_checksum.algorithm}:{source_checksum.value}",
        _arguments(plan),
        _versions(plan),
    ]
    return hashlib.sha384(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()


def write_manifest(
    xml: Path,
    precision: str,
    model: ov.Model,
    preprocessing: tuple[Preprocessing, ...],
    plan: ConversionPlan,
    source_checksum: Checksum,
    seconds: float,
) -> None:
    """Write the manifest of the IR at ``xml``, which must be whole."""
    steps = {step.input_name: dataclasses.asdict(step) for step in preprocessing}
    manifest = Manifest(
        name=plan.card.name,
        precision=precision,
        key=conversion_key(plan, source_checksum),
        source={"file": plan.source.name, source_checksum.algorithm: source_checksum.value},
        arguments=_arguments(plan),
        versions=_versions(plan),
        inputs=[_port(port) | {"preprocessing": steps.get(port.any_name)} for port in model.inputs],
        outputs=[_port(port) for port in model.outputs],
        files={
            path.name: {"size": path.stat().st_size, "sha384": file_digest(path)}
            for path in (xml.with_suffix(part) for part in _PARTS)
        },
        seconds=round(seconds, 3),
    )
    text = json.dumps(dataclasses.asdict(manifest), indent=2, default=str)
    manifest_path(xml).write_text(f"{text}\n", encoding="utf-8")


def is_current(xml: Path, key: str) -> bool:
    """Tell whether the IR at ``xml`` was made from what ``key`` stands for, and its files are as they were made."""
    try:
        manifest = json.loads(manifest_path(xml).read_text(encoding="utf-8"))
        files = manifest["files"]
        return (
            manifest["key"] == key
            and sorted(files) == sorted(xml.with_suffix(part).name for part in _PARTS)
            and all(file_digest(xml.with_name(name)) == entry["sha384"] for name, entry in files.items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _arguments(plan: ConversionPlan) -> dict[str, Any]:
    """Return the arguments as understood, with names in the place of paths, which differ from machine to machine."""
    understood: dict[str, Any] = {"model_optimizer": dataclasses.asdict(plan.optimizer)}
    if plan.export:
        understood["onnx_export"] = dataclasses.asdict(plan.export)
    for arguments in understood.values():
        arguments.update({key: value.name for key, value in arguments.items() if isinstance(value, Path)})
    return understood


def _versions(plan: ConversionPlan) -> dict[str, str]:
    tools = {"open-matting-zoo": version("open-matting-zoo"), "openvino": ov.get_version()}
    return tools | ({"torch": version("torch"), "onnx": version("onnx")} if plan.export else {})


def _port(port: Any) -> dict[str, Any]:
    return {
        "name": port.any_name,
        "shape": str(port.get_partial_shape()),
        "type": port.get_element_type().get_type_name(),
    }
