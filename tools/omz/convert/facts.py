"""What an IR tells about itself, in the ``omz`` section of its ``rt_info``."""

from __future__ import annotations

from importlib.metadata import version

from omz.convert.plan import ConversionPlan
from omz.runtime.quiet_openvino import ov
from omz.zoo.model_file import Checksum
from omz.zoo.preprocessing import Preprocessing


def describe(
    model: ov.Model, preprocessing: tuple[Preprocessing, ...], plan: ConversionPlan, source_checksum: Checksum
) -> None:
    """Write name, task, inputs with their colour order, mean and scale, outputs, source hash and tool versions."""
    facts = {
        "name": plan.card.name,
        "task_type": plan.card.task_type,
        "source_file": plan.source.name,
        f"source_{source_checksum.algorithm}": source_checksum.value,
        "inputs": ",".join(port.any_name for port in model.inputs),
        "outputs": ",".join(port.any_name for port in model.outputs),
        "open_matting_zoo": version("open-matting-zoo"),
        "openvino": ov.get_version(),
    }
    for step in preprocessing:
        prefix = f"input_{step.input_name}"
        facts[f"{prefix}_layout"] = step.layout
        facts[f"{prefix}_takes"] = "BGR" if step.reverse_channels else "as the original"
        facts[f"{prefix}_embedded_mean"] = ",".join(map(repr, step.mean)) or "0"
        facts[f"{prefix}_embedded_scale"] = ",".join(map(repr, step.scale)) or "1"
    for key, value in facts.items():
        model.set_rt_info(value, ["omz", key])
