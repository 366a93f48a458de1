"""Originals of cards, each in the engine of its own framework."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TypeVar

from omz.errors import CardError, first_line
from omz.extras import require
from omz.runtime.engine import Engine, TensorInfo
from omz.zoo.card import ModelCard
from omz.zoo.export_arguments import OWN_NETWORKS, ExportArguments, parse_export_arguments
from omz.zoo.optimizer_arguments import card_arguments
from omz.zoo.preprocessing import card_preprocessing
from omz.zoo.source import check_source
from omz.zoo.vocabulary import Framework

Network = TypeVar("Network")

_NEEDED = {"pytorch": ("torch", "safetensors"), "mindspore": ("mindspore",)}


def require_framework(framework: Framework) -> None:
    """Check that what runs the networks of ``framework`` is installed, without importing it.

    Raises :class:`omz.errors.EngineError`, which names the extra to install.
    """
    require(*_NEEDED.get(framework, ()))


def original_engine(
    card: ModelCard, download_dir: Path, trust_code: bool = False, threads: int | None = None
) -> Engine:
    """Load the original model of ``card`` from its folder below ``download_dir``.

    It takes the same arrays as the converted model, and preprocesses them first. ``trust_code`` runs code that comes
    with the card and its weights, once all files of the card are seen to be right. ``threads`` are those of ONNX
    Runtime, and of all PyTorch in this process; None: as many as these choose. Raises
    :class:`omz.errors.ModelFileError` if a file is missing or differs.
    """
    arguments = card_arguments(card, download_dir, download_dir)
    preprocessing = card_preprocessing(card, arguments)
    if card.framework == "onnx":
        from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

        check_source(card, arguments.input_model, download_dir)
        return OnnxRuntimeEngine(arguments.input_model, preprocessing, threads=threads)
    require_framework(card.framework)
    export = parse_export_arguments(card, download_dir, download_dir)
    if trust_code and not export.is_ours:
        from omz.download.verify import check_files  # brings what downloads need

        check_files(card, download_dir)
    if export.is_ours and export.weights:
        check_source(card, export.weights, download_dir)
    inputs = tuple(TensorInfo(info.name, info.shape) for info in card.input_info)
    if card.framework == "mindspore":
        from omz.runtime.mindspore_engine import MindSporeEngine

        return MindSporeEngine(export, inputs, export.output_names, preprocessing)
    import torch

    from omz.runtime.card_code import importable
    from omz.runtime.pytorch_engine import PyTorchEngine, build_network

    if threads:
        torch.set_num_threads(threads)
    with importable(export.model_paths):
        network = build_network(export, trust_code)
    return PyTorchEngine(network, inputs, export.output_names, preprocessing)


def build_own(arguments: ExportArguments, base: type[Network], framework: str) -> tuple[Network, Path]:
    """Build the network that a card names, which must be a ``base`` of ``framework``; return it and its weights' file.

    Raises :class:`CardError` if there is no such network, its arguments do not fit, or weights are missing.
    """
    where = f"{arguments.import_module}.{arguments.model_name}"
    if not arguments.is_ours:
        raise CardError(f"{where} is code from outside Open Matting Zoo; only networks in {OWN_NETWORKS}* are run")
    if arguments.weights is None:
        raise CardError(f"{where} needs --weights")
    try:
        network_class = getattr(importlib.import_module(arguments.import_module), arguments.model_name)
    except (ImportError, AttributeError) as error:
        raise CardError(f"there is no network {where}: {error}") from error
    # A card may call nothing else of ours, for its arguments could make that run code.
    if not (isinstance(network_class, type) and issubclass(network_class, base)):
        raise CardError(f"{where} is not a {framework} network")
    if network_class.__module__ != arguments.import_module or arguments.model_name.startswith("_"):
        raise CardError(f"there is no network {where}")
    try:
        return network_class(**arguments.model_params), arguments.weights
    except Exception as error:
        raise CardError(f"{where} does not take the card's --model-param: {first_line(error)}") from error
