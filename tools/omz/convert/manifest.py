"""What is known of an IR, in a file beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from omz.checksum import file_digest
from omz.convert.facts import kept_in, version_of
from omz.convert.parity import Parity
from omz.convert.plan import CHECKS, Check, ConversionPlan
from omz.convert.sources import Sources
from omz.runtime.quiet_openvino import ov
from omz.zoo.preprocessing import Preprocessing

_PARTS = (".xml", ".bin")


@dataclass(frozen=True)
class Manifest:
    """Where an IR comes from, what it takes and gives, and which bytes it is.

    ``key`` changes with whatever the IR depends on: source, arguments and versions. ``inputs`` have name, shape, type,
    and the preprocessing that is baked in; ``files`` size in bytes and SHA-384 by name. ``check`` says how the IR was
    compared with its source, and ``parity`` what came of it, in f32 first; ``keeps_model_in`` are the precisions of
    execution in which it does what the source does. ``seconds`` is how long the conversion took from its start.
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

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        text = json.dumps(dataclasses.asdict(self), indent=2, default=str, allow_nan=False)
        path.write_text(f"{text}\n", encoding="utf-8")


_READER = TypeAdapter(Manifest)


def manifest_path(xml: Path) -> Path:
    """Return where the manifest of an IR is."""
    return xml.with_suffix(".json")


def conversion_key(plan: ConversionPlan, sources: Sources) -> str:
    """Return 96 hexadecimal digits that change with whatever the IRs of ``plan`` depend on."""
    described = [
        plan.card.name,
        plan.card.task_type,
        plan.card.model_info.model_dump(mode="json", exclude_unset=True),
        plan.card.parity.model_dump(mode="json"),
        [f"{checksum.algorithm}:{checksum.value}" for checksum in sources.needed],
        _arguments(plan),
        _versions(plan),
    ]
    return hashlib.sha384(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()


def make_manifest(
    xml: Path,
    precision: str,
    model: ov.Model,
    preprocessing: tuple[Preprocessing, ...],
    plan: ConversionPlan,
    key: str,
    sources: Sources,
    parity: tuple[Parity, ...],
) -> Manifest:
    """Describe the IR at ``xml``, which must be whole."""
    steps = {step.input_name: dataclasses.asdict(step) for step in preprocessing}
    return Manifest(
        name=plan.card.name,
        precision=precision,
        key=key,
        source={"file": sources.name, sources.main.algorithm: sources.main.value},
        arguments=_arguments(plan),
        versions=_versions(plan),
        inputs=[_port(port) | {"preprocessing": steps.get(port.any_name)} for port in model.inputs],
        outputs=[_port(port) for port in model.outputs],
        files={
            path.name: {"size": path.stat().st_size, "sha384": file_digest(path)}
            for path in (xml.with_suffix(part) for part in _PARTS)
        },
        check=plan.settings.check,
        parity=parity,
        keeps_model_in=kept_in(parity, plan.card.parity),
    )


def is_whole(xml: Path) -> bool:
    """Tell, at a glance, whether the IR at ``xml`` is there: its files have the sizes that its manifest tells."""
    try:
        files = json.loads(manifest_path(xml).read_text(encoding="utf-8"))["files"]
        return bool(files) and all(xml.with_name(name).stat().st_size == entry["size"] for name, entry in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def current_manifest(xml: Path, key: str, check: Check) -> Manifest | None:
    """Return the manifest of the IR at ``xml``, or None where the IR is not what is wanted.

    It must be made from what ``key`` stands for, compared with its source at least as ``check`` asks, and its files be
    as they were made.
    """
    try:
        manifest = _READER.validate_json(manifest_path(xml).read_bytes())
        current = (
            manifest.key == key
            and CHECKS.index(manifest.check) >= CHECKS.index(check)
            and sorted(manifest.files) == sorted(xml.with_suffix(part).name for part in _PARTS)
            and all(file_digest(xml.with_name(name)) == entry["sha384"] for name, entry in manifest.files.items())
        )
    except (OSError, ValueError, KeyError):
        return None
    return manifest if current else None


def _arguments(plan: ConversionPlan) -> dict[str, Any]:
    """Return the arguments as understood, with names in the place of paths, which differ from machine to machine."""
    understood: dict[str, Any] = {"model_optimizer": dataclasses.asdict(plan.optimizer)}
    if plan.settings.optimizer_program:
        understood["model_optimizer_program"] = Path(plan.settings.optimizer_program[-1]).name
    if plan.export:
        understood["onnx_export"] = dataclasses.asdict(plan.export)
    for arguments in (each for each in understood.values() if isinstance(each, dict)):
        arguments.update({key: value.name for key, value in arguments.items() if isinstance(value, Path)})
    return understood


def _versions(plan: ConversionPlan) -> dict[str, str]:
    tools = {"open-matting-zoo": version_of("open-matting-zoo"), "openvino": ov.get_version()}
    exporter = {"pytorch": "torch", "mindspore": "mindspore"}.get(plan.card.framework)
    return tools | ({name: version_of(name) for name in (exporter, "onnx")} if exporter else {})


def _port(port: Any) -> dict[str, Any]:
    return {
        "name": port.any_name,
        "shape": str(port.get_partial_shape()),
        "type": port.get_element_type().get_type_name(),
    }
