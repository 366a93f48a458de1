"""One ONNX file as one IR, as Model Optimizer's own command made it: without a card, and without a comparison."""

from __future__ import annotations

import tempfile
from pathlib import Path

from omz.convert.facts import describe
from omz.convert.ir_file import save_ir
from omz.convert.onnx_file import side_files
from omz.convert.onnx_to_ir import build_ir
from omz.errors import ConversionError, ModelFileError
from omz.zoo.model_file import Checksum
from omz.zoo.optimizer_arguments import Destination, OptimizerArguments


def optimize(arguments: OptimizerArguments, destination: Destination) -> Path:
    """Convert and return the ``.xml``; its weights go beside it.

    Both are written in full first, and take the place of older ones one right after the other. Raises
    :class:`omz.errors.OmzError`.
    """
    source = arguments.input_model
    if not source.is_file():
        raise ModelFileError(f"there is no file {source}; --input_model names an ONNX file")
    name = destination.model_name or source.stem
    target = destination.folder / f"{name}.xml"
    made = [target.with_suffix(part) for part in (".bin", ".xml")]
    for path in (source, *side_files(source)):
        if any(each.exists() and each.samefile(path) for each in made if path.exists()):
            raise ConversionError(
                f"the IR would take the place of {path}, of which it is made; give another --model_name"
            )
    model, preprocessing = build_ir(source, arguments, name.encode("utf-8", "replace").decode())
    describe(model, preprocessing, source.name, Checksum.of(source), None)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".converting-", dir=target.parent) as workplace:
            xml = Path(workplace, target.name)
            save_ir(model, xml, "FP16" if destination.compress_to_fp16 else "FP32")
            for path in made:
                xml.with_suffix(path.suffix).replace(path)
    except OSError as error:
        raise ConversionError(f"{target} cannot be written: {error.strerror or error}") from error
    return target
