"""Open Matting Zoo's own networks, by the names that cards give."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TypeVar

from omz.errors import CardError, first_line
from omz.zoo.export_arguments import OWN_NETWORKS, ExportArguments

Network = TypeVar("Network")


def build_own(arguments: ExportArguments, base: type[Network], framework: str) -> tuple[Network, Path]:
    """Build the network that a card names, which must be a ``base`` of ``framework``; return it and its weights' file.

    Raises :class:`CardError` where there is no such network here, its arguments do not fit, or no weights are named.
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
    # Nothing else of ours may be called by a card, whose arguments could make it run code.
    if not (isinstance(network_class, type) and issubclass(network_class, base)):
        raise CardError(f"{where} is no {framework} network")
    if network_class.__module__ != arguments.import_module or arguments.model_name.startswith("_"):
        raise CardError(f"there is no network {where}")
    try:
        return network_class(**arguments.model_params), arguments.weights
    except Exception as error:
        raise CardError(f"{where} does not take the card's --model-param: {first_line(error)}") from error
