"""A person from a seed: shape, pose, clothes, hair, things, light and framing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omz.images.arrays import Size
from omz.synthesis.layer import Layer, layer_of
from omz.synthesis.people import hair, props
from omz.synthesis.people.assets import suits, wear
from omz.synthesis.people.base_mesh import Points, base_mesh
from omz.synthesis.people.body import Pose, Shape, normals, posed, shaped
from omz.synthesis.people.outfit import Cover, dress, random_outfit
from omz.synthesis.people.renderer import Camera, Light, Strands, Surface, render
from omz.synthesis.people.skin import Complexion, brows, face_surfaces, skin_surface

_CANVASES: tuple[Size, ...] = ((832, 576), (832, 896), (832, 1216))  # what lies idle costs time
_FRAMINGS = ((4.0, 5.5), (6.0, 9.0), (6.0, 9.0), (8.0, 12.0), (19.0, 24.0))  # heights in units of 10 cm
_INSIDE = 0.95  # of a canvas's width
_SOLID = 7.0  # units around the head in which hair meets the body


@dataclass(frozen=True)
class _Somebody:
    surfaces: list[Surface]
    strands: list[Strands]
    frames: dict[str, props.Frame]


def person(rng: np.random.Generator, assets: Path | None = None) -> Layer:
    """Render somebody; the same generator gives the same pixels on the same machine.

    ``assets`` is a folder of MakeHuman's clothes, which half of the people wear.

    Raises :class:`~omz.errors.EngineError` without the extra ``training``, or where OpenGL cannot run.
    """
    seated = rng.random() < 0.4
    somebody = _somebody(rng, seated, assets)
    camera, canvas = _camera(rng, somebody, seated)
    image = render(somebody.surfaces, somebody.strands, camera, Light.random(rng), canvas)
    return layer_of(np.ascontiguousarray(image[..., 2::-1]), np.ascontiguousarray(image[..., 3]))


def _somebody(rng: np.random.Generator, seated: bool, assets: Path | None) -> _Somebody:
    shape = Shape.random(rng)
    look = Complexion.random(rng, shape.ancestry[0], shape.age)
    position, frames = posed(shaped(shape, rng), Pose.random(rng, seated))
    clothes, covered = _dressed(rng, position, shape, assets)
    style = hair.Style.random(rng, shape.male, shape.age)
    head = frames["head"]
    turn = head[0]
    capped = rng.random() < 0.07
    roots = hair.scalp(0.0 if style is None else style.recession)
    tint = roots if style is not None and not capped else 0.15 * roots
    surfaces = [skin_surface(position, covered, look, tint), *face_surfaces(position, look, turn), *clothes]
    strands = [brows(position, look, turn, rng)]
    on = hair.Head(position, head[1], turn, *_solid(position, head[1]))
    if capped:
        surfaces += props.beanie(position, rng)
    elif style is not None:
        strands += hair.grow(on, style, look.hair, rng)
    if shape.age > 0.48 and rng.random() < 0.45 * shape.male:
        strands.append(hair.beard(on, float(rng.choice([0.05, 0.12, 0.35])), look.hair, rng))
    surfaces += _things(rng, position, frames, seated)
    return _Somebody(surfaces, strands, frames)


def _dressed(
    rng: np.random.Generator, position: Points, shape: Shape, assets: Path | None
) -> tuple[list[Surface], Cover]:
    outfit = random_outfit(rng)
    if assets is None or rng.random() < 0.5:
        return dress(position, outfit, rng)
    other = "female" if shape.male > 0.5 else "male"
    chosen = [path for path in suits(assets) if not path.name.startswith(f"{other}_")]
    if not chosen:
        return dress(position, outfit, rng)
    suit, covered = wear(position, chosen[int(rng.integers(len(chosen)))], outfit[2], outfit[0])
    shoes, below = dress(position, [outfit[1]], rng)
    return [suit, *shoes], np.maximum(covered, below)


def _things(rng: np.random.Generator, position: Points, frames: dict[str, props.Frame], seated: bool) -> list[Surface]:
    surfaces: list[Surface] = []
    if rng.random() < 0.25:
        surfaces += props.glasses(position, frames["head"], rng)
    if rng.random() < 0.08:
        surfaces += props.headphones(position, frames["head"], rng)
    if rng.random() < 0.25:
        surfaces.append(props.held(frames, str(rng.choice(["l", "r"])), rng))
    if seated and rng.random() < 0.3:
        surfaces.append(props.chair(frames, rng))
    return surfaces


def _solid(position: Points, joint: np.ndarray) -> tuple[Points, Points]:
    """Return points of head, neck and clothes near the head, and directions out of them."""
    mesh = base_mesh()
    faces = np.concatenate([mesh.faces["body"], mesh.faces["helper-tights"]])
    head = mesh.vertices_of("body")
    head = head[(mesh.vertices[head, 1] > 5.9) & (np.abs(mesh.vertices[head, 0]) < 1.2)][::2]
    clothes = mesh.vertices_of("helper-tights")
    clothes = clothes[np.linalg.norm(position[clothes] - joint, axis=1) < _SOLID]
    chosen = np.concatenate([head, clothes])
    return position[chosen], normals(position, faces)[chosen]


def _camera(rng: np.random.Generator, somebody: _Somebody, seated: bool) -> tuple[Camera, Size]:
    """Frame somebody from the head down, on a canvas that cuts nothing off at the sides."""
    low, high = _FRAMINGS[int(rng.integers(4 if seated else 5))]
    height = float(rng.uniform(low, high))
    yaw = float(rng.normal(0, 0.5)) if rng.random() < 0.92 else float(rng.uniform(-math.pi, math.pi))
    pitch = float(rng.normal(0.03, 0.12))
    distance = height * float(rng.uniform(1.5, 3.2)) + 4
    towards = np.array([math.sin(yaw) * math.cos(pitch), math.sin(pitch), math.cos(yaw) * math.cos(pitch)])
    head = somebody.frames["head"][1] + [0, 0.6, 0]
    points = np.concatenate([surface.position[surface.faces.ravel()] for surface in somebody.surfaces])
    top = max(float(strand.points[..., 1].max()) for strand in somebody.strands) - head[1]
    while True:
        centre = head + np.array([0.0, max(top, 1.3) * 1.15 + 0.05 * height - height / 2, 0.0])
        camera = Camera(centre + towards * distance, centre, height)
        widest = _CANVASES[-1]
        seen = np.column_stack([points, np.ones(len(points))]) @ camera.matrix(widest).T
        across, down = seen[:, 0] / seen[:, 3], seen[:, 1] / seen[:, 3]
        reach = float(np.abs(across[down > -1]).max()) * widest[1]
        for canvas in _CANVASES:
            if reach < _INSIDE * canvas[1]:
                return camera, canvas
        height, distance = height * 1.12, distance * 1.08
