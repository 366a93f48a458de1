"""Roles of the inputs and outputs of an ONNX file, for a new card.

It stands alone, for it runs in an isolated process: OpenVINO may crash on a file that nobody has converted yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from omz.matting.roles import NO_DESCRIPTION, NOTHING_SAID, OutputReading, Roles
from omz.zoo.card import OutputInfo
from omz.zoo.optimizer_arguments import OptimizerArguments
from omz.zoo.vocabulary import InputRole

InputRoles: TypeAlias = Mapping[str, InputRole]


def find_roles(source: Path) -> tuple[InputRoles, tuple[OutputInfo, ...]]:
    """Return the roles of the inputs by name, and the outputs that have one, where there is one answer.

    Raises :class:`omz.errors.OmzError`, whose text says what is not clear.
    """
    from omz.convert.onnx_to_ir import build_ir
    from omz.matting.resolution import resolve
    from omz.runtime.openvino_engine import output_infos, port_info

    arguments = OptimizerArguments(source, (), {}, {}, (), False, (), (), None)
    model, _ = build_ir(source, arguments, source.stem)
    roles = resolve(tuple(map(port_info, model.inputs)), output_infos(model), NO_DESCRIPTION, NOTHING_SAID)
    return dict(_inputs(roles)), tuple(_outputs(roles))


def _inputs(roles: Roles) -> Iterator[tuple[str, InputRole]]:
    yield roles.picture, "picture"
    if roles.plate:
        yield roles.plate, "plate"
    if roles.ratio:
        yield roles.ratio, "ratio"
    for state in roles.states:
        yield state.input, "state"


def _outputs(roles: Roles) -> Iterator[OutputInfo]:
    readings: dict[str, OutputReading | None] = {
        "alpha": roles.alpha,
        "foreground": roles.foreground,
        "trimap": roles.trimap,
    }
    for role, reading in readings.items():
        if reading is not None:
            facts = {"channel": reading.channel, "activation": reading.activation, "layout": reading.layout}
            yield OutputInfo.model_validate({"name": reading.name, "role": role, **facts})
    for state in roles.states:
        yield OutputInfo(name=state.output, role="state", input=state.input)
