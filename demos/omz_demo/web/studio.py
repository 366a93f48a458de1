"""What the tabs of the page share, and the built-in example."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from omz_demo.web.offered import Offer
from omz_demo.web.opened import OpenModels
from omz_demo.web.results import Results
from omz_demo.web.settings import Settings


@dataclass(frozen=True)
class Studio:
    """The settings, the models and the places of results; ``devices`` are those that OpenVINO sees."""

    settings: Settings
    models: OpenModels
    results: Results
    offer: Offer
    devices: tuple[str, ...]

    def example(self) -> tuple[str, str]:
        """Return the built-in picture and its plate, as files."""
        folder = self.results.folder()
        paths = []
        for name, content in self._example.items():
            path = Path(folder, name)
            path.write_bytes(content)
            paths.append(str(path))
        return paths[0], paths[1]

    @cached_property
    def _example(self) -> dict[str, bytes]:
        from omz.images.files import encode_picture
        from omz_demo.example import make_example

        scene = make_example()
        pictures = {"example.png": scene.picture, "example_plate.png": scene.plate}
        return {name: encode_picture(Path(name), picture) for name, picture in pictures.items()}
