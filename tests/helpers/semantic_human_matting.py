"""The published human matting network with generated weights, as a user has it: a card and a checkpoint."""

from __future__ import annotations

from pathlib import Path

from helpers.builders import write_published_zoo
from helpers.generated_weights import generated_tensor
from omz.networks.quiet_mindspore import ms
from omz.networks.semantic_human_matting import SemanticHumanMatting

NAME = "semantic_human_matting"


def generated_network() -> SemanticHumanMatting:
    """Return the network, ready to run."""
    network = SemanticHumanMatting()
    for name, parameter in network.parameters_and_names():
        parameter.set_data(ms.Tensor(generated_tensor(name, tuple(parameter.shape))))
    network.set_train(False)
    return network


def write_checkpoint(path: Path, network: ms.nn.Cell | None = None) -> Path:
    """Let MindSpore write the parameters of a network, by default of the generated one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ms.save_checkpoint(network or generated_network(), str(path))
    path.chmod(0o644)
    return path


def write_zoo(root: Path) -> tuple[Path, Path]:
    """Write the published card for a checkpoint of generated weights, and that; return --models_dir, --download_dir."""
    return write_published_zoo(root, NAME, write_checkpoint)
