"""The published human matting network with generated weights, as a user has it: a card and a checkpoint."""

from __future__ import annotations

from pathlib import Path

import yaml
from generated_weights import generated_tensor

from omz.networks.quiet_mindspore import ms
from omz.networks.semantic_human_matting import SemanticHumanMatting
from omz.zoo import Catalog
from omz.zoo.model_file import Checksum

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
    card = Catalog()[NAME]
    (file,) = card.files
    downloads = root / "downloads"
    checkpoint = write_checkpoint(downloads / card.subdirectory / file.name)
    content = yaml.safe_load(card.path.read_text())
    content["files"][0]["checksum"] = Checksum.of(checkpoint).value
    folder = root / "models" / NAME
    folder.mkdir(parents=True)
    (folder / "model.yml").write_text(yaml.safe_dump(content))
    return root / "models", downloads
