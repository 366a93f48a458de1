"""The photographs that the documents show, described like the files of a model, so that they come the same way."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from omz.zoo.card import ModelCard
from omz.zoo.model_file import ModelFile

FOLDER = PurePosixPath("data")
"""Where the photographs lie below an output folder."""
LICENSE = "https://github.com/scikit-image/scikit-image/blob/v0.25.2/skimage/data/README.txt"
"""They are in the public domain, or CC0."""

_RELEASE = "0.26.0"
_URL = "https://raw.githubusercontent.com/scikit-image/scikit-image/v0.25.2/skimage/data"
_PHOTOGRAPHS = (
    (
        "astronaut.png",
        791555,
        "f1e156f84f0035b7605d3a41ebf40277770e4971e301822c37a0441e9707a14832af88b24dff68d4f5801eb3bf1f9ce3",
    ),
    (
        "chelsea.png",
        240512,
        "646bc3b0148aa5e4dd54ac0218245766c60bd74da2b903501dc3ac8e9ddd55463776bef895f5de748a7cf549cba1e8af",
    ),
    (
        "coffee.png",
        466706,
        "a9a9efae0f4a89dcbd1b6571c0b8c2809f491a420f77dd89a337f7de60f5ccbb0dfdcbbb74391d2dbac3f4b3e283cb15",
    ),
    (
        "rocket.jpg",
        112525,
        "938b4c79e8706ff02d03dcc32881e1bab6692f41254a882a557302b743827a5897c6c1c25644b9cf06e8f2c183824cb9",
    ),
)


def photographs() -> ModelCard:
    """Return the photographs as a card, which has files and nothing to convert.

    They are an astronaut (NASA), a cat (Stefan van der Walt), a coffee (Rachel Michetti) and a rocket (SpaceX), as the
    package scikit-image has them.
    """
    return ModelCard(
        name="photographs",
        folder=Path(),
        subdirectory=FOLDER,
        description="The photographs of the documents.",
        task_type="background_matting",
        framework="onnx",
        license=LICENSE,
        files=tuple(_file(*facts) for facts in _PHOTOGRAPHS),
        model_optimizer_args=("--input_model=none",),
    )


def _file(name: str, size: int, sha384: str) -> ModelFile:
    package = {"$type": "python_package", "requirement": f"scikit-image=={_RELEASE}", "member": f"skimage/data/{name}"}
    content = {
        "name": name,
        "size": size,
        "checksum": sha384,
        "source": package,
        "mirrors": [f"{_URL}/{name}"],
    }
    return ModelFile.model_validate(content)
