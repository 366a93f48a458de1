"""A renderer of surfaces and strands with 16 samples a pixel: OpenGL without a window, on any processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import EngineError, first_line
from omz.extras import import_extra
from omz.images.arrays import Size
from omz.synthesis.people import shaders
from omz.synthesis.people.base_mesh import Faces, Points

if TYPE_CHECKING:
    import moderngl

_SAMPLES, _FOLD = 4, 2  # 4 samples in each of 2 x 2
_SHADOW = 1024
_NEAR, _FAR = 1.0, 400.0

Vector = NDArray[np.float64]
PATTERNS = {"plain": 0, "stripes": 1, "checks": 2, "dots": 3, "print": 4, "bars": 5, "eye": 6}


@dataclass(frozen=True)
class Material:
    """What a surface is made of: ``pattern`` of :data:`PATTERNS` in ``second`` and ``third`` colour, linear RGB.

    ``scale`` is the number of repeats in 10 cm, ``folds`` how deep cloth is creased, ``shine`` and ``gloss`` strength
    and sharpness of highlights, ``flesh`` 1 where light goes below the skin.
    """

    pattern: str = "plain"
    second: tuple[float, float, float] = (0.5, 0.5, 0.5)
    third: tuple[float, float, float] = (0.5, 0.5, 0.5)
    scale: float = 1.0
    folds: float = 0.0
    shine: float = 0.03
    gloss: float = 12.0
    flesh: float = 0.0


@dataclass(frozen=True)
class Surface:
    """Triangles to draw.

    ``rest`` is where a vertex lies in the texture, ``colour`` linear RGB. Nothing is drawn where ``cover`` is negative.
    """

    position: Points
    normal: Points
    rest: Points
    colour: Points
    cover: NDArray[np.float32]
    faces: Faces
    material: Material = field(default_factory=Material)


@dataclass(frozen=True)
class Strands:
    """Hair to draw: ``points`` (N, K, 3) along each strand, ``outward`` directions off the head, ``width`` (N, K)."""

    points: NDArray[np.float32]
    outward: NDArray[np.float32]
    colour: NDArray[np.float32]
    width: NDArray[np.float32]
    shine: float = 0.25
    gloss: float = 24.0


@dataclass(frozen=True)
class Light:
    """Two lamps and a sky: directions towards the lamps, and linear RGB strengths."""

    key_at: Vector
    key: Vector
    fill_at: Vector
    fill: Vector
    sky: Vector
    ground: Vector

    @classmethod
    def random(cls, rng: np.random.Generator) -> Light:
        """Draw a light: a room's, a window's, or the sun's."""
        side = rng.choice([-1.0, 1.0])
        key = np.array([side * rng.uniform(0.1, 1.2), rng.uniform(0.2, 1.4), rng.uniform(0.2, 1.2)])
        fill = np.array([-side * rng.uniform(0.4, 1.5), rng.uniform(-0.2, 0.6), rng.uniform(-0.6, 1.0)])
        warm = np.array([1.0, 1.0, 1.0]) + rng.normal(0, 0.1) * np.array([1.0, 0.1, -1.0])
        cool = np.array([1.0, 1.0, 1.0]) + rng.normal(0, 0.1) * np.array([1.0, 0.1, -1.0])
        total = rng.uniform(1.1, 1.9)
        share = rng.uniform(0.25, 0.75)
        ambient = rng.uniform(0.3, 0.6) * total * (1 - 0.5 * share)
        return cls(
            key / np.linalg.norm(key),
            warm * total * share * 1.5,
            fill / np.linalg.norm(fill),
            cool * total * rng.uniform(0.1, 0.4),
            cool * ambient,
            warm * ambient * rng.uniform(0.3, 0.8),
        )


@dataclass(frozen=True)
class Camera:
    """A pinhole: from ``eye`` towards ``centre``; ``height`` is what the frame's height shows there, in units."""

    eye: Vector
    centre: Vector
    height: float

    def matrix(self, size: Size) -> Vector:
        """Return the (4, 4) matrix into the clip space of a frame of ``size`` (height, width)."""
        back = self.eye - self.centre
        distance = float(np.linalg.norm(back))
        focal = 2 * distance / self.height
        lens = np.zeros((4, 4))
        lens[0, 0], lens[1, 1] = focal * size[0] / size[1], focal
        lens[2, 2], lens[2, 3] = -(_FAR + _NEAR) / (_FAR - _NEAR), -2 * _FAR * _NEAR / (_FAR - _NEAR)
        lens[3, 2] = -1
        return lens @ _view(self.eye, back / distance)


def render(surfaces: list[Surface], strands: list[Strands], camera: Camera, light: Light, size: Size) -> NDArray[Any]:
    """Return (H, W, 4) float32 RGBA, 0 to 1: colours multiplied by alpha, as a screen shows them."""
    context = _context()
    scene = _Scene(context, surfaces, strands, camera)
    bounds = np.concatenate([surface.position for surface in surfaces])
    key_view = _light_view(light.key_at, bounds)
    sky_view = _light_view(np.array([0.15, 1.0, 0.45]), bounds)
    try:
        with _depths(context, scene, key_view) as key_depth, _depths(context, scene, sky_view) as sky_depth:
            key_depth.use(0)
            sky_depth.use(1)
            lights = {name: tuple(map(float, getattr(light, name))) for name in light.__dataclass_fields__}
            lights["eye"] = tuple(map(float, camera.eye))
            matrices = {"camera": camera.matrix(size), "key_view": key_view, "sky_view": sky_view}
            return _picture(context, scene, size, lights, matrices)
    finally:
        scene.release()


class _Scene:
    """Buffers of what is drawn: for colour, and for depth as a light sees it."""

    def __init__(
        self, context: moderngl.Context, surfaces: list[Surface], strands: list[Strands], camera: Camera
    ) -> None:
        self.programs = _programs()
        self.owned: list[Any] = []
        self.surfaces, self.strands, self.depths = [], [], []
        for surface in surfaces:
            parts = [surface.position, surface.normal, surface.rest, surface.colour, surface.cover[:, None]]
            names = ["in_position", "in_normal", "in_rest", "in_colour", "in_cover"]
            drawn = self._array(context, "surface", parts, names, surface.faces)
            self.surfaces.append((drawn, surface.material))
            self.depths.append(
                self._array(context, "depth", [parts[0], parts[4]], ["in_position", "in_cover"], surface.faces)
            )
        for hair in strands:
            parts, faces = _ribbons(hair, camera.eye)
            names = ["in_position", "in_along", "in_colour", "in_out"]
            self.strands.append((self._array(context, "strand", parts, names, faces), hair))
            cover = np.ones((len(parts[0]), 1), np.float32)
            self.depths.append(
                self._array(context, "depth", [parts[0], cover], ["in_position", "in_cover"], faces[: len(faces) // 2])
            )

    def _array(
        self, context: moderngl.Context, program: str, parts: list[NDArray[Any]], names: list[str], faces: NDArray[Any]
    ) -> Any:
        data = np.concatenate([part.reshape(len(parts[0]), -1) for part in parts], axis=1, dtype=np.float32)
        layout = " ".join(f"{part.reshape(len(part), -1).shape[1]}f" for part in parts)
        vertices = context.buffer(np.ascontiguousarray(data).tobytes())
        indices = context.buffer(np.ascontiguousarray(faces, np.int32).tobytes())
        array = context.vertex_array(self.programs[program], [(vertices, layout, *names)], indices)
        self.owned += [array, vertices, indices]
        return array

    def release(self) -> None:
        """Give the buffers back."""
        for each in self.owned:
            each.release()


def _picture(
    context: moderngl.Context,
    scene: _Scene,
    size: Size,
    lights: dict[str, tuple[float, ...]],
    matrices: dict[str, Vector],
) -> NDArray[Any]:
    drawn, resolved = _frames(size)
    drawn.use()
    drawn.clear(0, 0, 0, 0)
    for name in ("surface", "strand"):
        program = scene.programs[name]
        _set(program, {**lights, "key_depth": 0, "sky_depth": 1})
        for matrix, values in matrices.items():
            program[matrix].write(np.ascontiguousarray(values.T, np.float32).tobytes())
    for array, material in scene.surfaces:
        look = {name: getattr(material, name) for name in material.__dataclass_fields__}
        _set(scene.programs["surface"], {**look, "pattern": PATTERNS[material.pattern]})
        array.render()
    for array, hair in scene.strands:
        _set(scene.programs["strand"], {"shine": hair.shine, "gloss": hair.gloss})
        array.render()
    context.copy_framebuffer(resolved, drawn)
    height, width = size
    levels = np.frombuffer(resolved.read(components=4), np.uint8).reshape(height * _FOLD, width * _FOLD, 4)[::-1]
    return cv2.resize(levels.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) / 255


@contextmanager
def _depths(context: moderngl.Context, scene: _Scene, view: Vector) -> Iterator[Any]:
    """Yield the depths of a scene as a light sees it."""
    texture = context.depth_texture((_SHADOW, _SHADOW))
    texture.compare_func = ""
    frame = context.framebuffer(depth_attachment=texture)
    try:
        frame.use()
        frame.clear(depth=1.0)
        scene.programs["depth"]["camera"].write(np.ascontiguousarray(view.T, np.float32).tobytes())
        for array in scene.depths:
            array.render()
        yield texture
    finally:
        frame.release()
        texture.release()


def _set(program: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name in program:  # the compiler drops what a shader does not use
            program[name].value = value


def _ribbons(hair: Strands, eye: Vector) -> tuple[list[NDArray[Any]], NDArray[np.int32]]:
    """Return strands as ribbons that face the camera: parts for the vertices, and triangles."""
    points = hair.points
    along = np.gradient(points, axis=1)
    across = np.cross(along, eye.astype(np.float32) - points)
    across *= hair.width[..., None] * 0.5 / (np.linalg.norm(across, axis=-1, keepdims=True) + 1e-9)
    both = np.stack([points + across, points - across], axis=2)
    doubled = [np.repeat(each[:, :, None], 2, axis=2).reshape(-1, 3) for each in (along, hair.colour, hair.outward)]
    count, steps = points.shape[:2]
    first = (np.arange(count)[:, None] * steps + np.arange(steps - 1)) * 2
    corners = np.stack([first, first + 1, first + 2, first + 1, first + 3, first + 2], axis=-1)
    return [both.reshape(-1, 3), *doubled], corners.reshape(-1, 3).astype(np.int32)


def _view(eye: Vector, back: Vector) -> Vector:
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back])
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


def _light_view(towards: Vector, bounds: Points) -> Vector:
    """Return the matrix of a light from afar, in whose view all points lie from -1 to 1."""
    direction = towards / np.linalg.norm(towards)
    low, high = bounds.min(axis=0), bounds.max(axis=0)
    centre = (low + high).astype(np.float64) / 2
    radius = float(np.linalg.norm(high - low)) / 2
    scale = np.diag([1 / radius, 1 / radius, -1 / radius, 1.0])
    return scale @ _view(centre, direction)


@cache
def _context() -> moderngl.Context:
    library = import_extra("moderngl")
    try:
        context = library.create_standalone_context(backend="egl")
        if context.max_samples < _SAMPLES:
            raise EngineError(f"OpenGL has {context.max_samples} samples a pixel here, and {_SAMPLES} are needed")
    except EngineError:
        raise
    except Exception as error:  # moderngl raises bare exceptions
        how = "install EGL and a driver (on Debian libegl1 and libgl1-mesa-dri)"
        raise EngineError(f"OpenGL cannot be used without a window: {first_line(error)}; {how}") from error
    context.enable(library.DEPTH_TEST)
    return context


@cache
def _programs() -> dict[str, Any]:
    context = _context()
    return {
        "surface": context.program(shaders.SURFACE_VERTEX, shaders.SURFACE_FRAGMENT),
        "strand": context.program(shaders.STRAND_VERTEX, shaders.STRAND_FRAGMENT),
        "depth": context.program(shaders.DEPTH_VERTEX, shaders.DEPTH_FRAGMENT),
    }


@cache
def _frames(size: Size) -> tuple[Any, Any]:
    context = _context()
    whole = size[1] * _FOLD, size[0] * _FOLD
    depth = context.depth_renderbuffer(whole, samples=_SAMPLES)
    drawn = context.framebuffer([context.renderbuffer(whole, 4, samples=_SAMPLES)], depth)
    return drawn, context.framebuffer([context.renderbuffer(whole, 4)])
