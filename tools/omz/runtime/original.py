"""The original of a card, in the engine of its own framework."""

from __future__ import annotations

from pathlib import Path

from omz.runtime.engine import Engine, TensorInfo
from omz.zoo.card import ModelCard
from omz.zoo.export_arguments import parse_export_arguments
from omz.zoo.optimizer_arguments import card_arguments
from omz.zoo.preprocessing import card_preprocessing
from omz.zoo.source import check_source


def original_engine(card: ModelCard, download_dir: Path, trust_code: bool = False) -> Engine:
    """Load the model that ``card`` names, from its folder below ``download_dir``, before any conversion.

    It takes the same arrays as the converted model, and applies outside what the conversion bakes in. ``trust_code``
    runs code that comes with the card and its weights.
    """
    arguments = card_arguments(card, download_dir, download_dir)
    preprocessing = card_preprocessing(card, arguments)
    if card.framework == "onnx":
        from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

        check_source(card, arguments.input_model, download_dir)
        return OnnxRuntimeEngine(arguments.input_model, preprocessing)
    export = parse_export_arguments(card, download_dir, download_dir)
    if export.is_ours and export.weights:
        check_source(card, export.weights, download_dir)
    inputs = tuple(TensorInfo(info.name, info.shape) for info in card.input_info)
    if card.framework == "mindspore":
        from omz.runtime.mindspore_engine import MindSporeEngine

        return MindSporeEngine(export, inputs, export.output_names, preprocessing)
    from omz.runtime.card_code import importable
    from omz.runtime.pytorch_engine import PyTorchEngine, build_network

    with importable(export.model_paths):
        network = build_network(export, trust_code)
    return PyTorchEngine(network, inputs, export.output_names, preprocessing)
