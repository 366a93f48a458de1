"""Matting models, ready for images."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from omz.errors import ImageError, OmzError, UsageError
from omz.images.arrays import Alpha, Picture, Size
from omz.images.compositing import to_uint8
from omz.images.copies import PreparedPlates
from omz.images.depth import opacity_as
from omz.images.given import load_image
from omz.images.refining.cast_shadow import cast_shadow
from omz.images.source import SourceImage
from omz.images.transparency import keep_transparency, over, shadow_within
from omz.matting.inference import Inferred, MattingRequests, Memory
from omz.matting.network import MattingNetwork, Pair
from omz.matting.plate_fitting import Aligning, Matching, PlateOptions, Plates, VideoPlates
from omz.matting.plates import OnePlate
from omz.matting.roles import RoleOptions
from omz.models.choice import ModelChoice, split_precision
from omz.models.image_matte import ImageMatte
from omz.models.opening import OpenedModel, open_model
from omz.models.shared_requests import SharedRequests
from omz.runtime.openvino_engine import LATENCY, Tuning
from omz.zoo.catalog import FolderNames, folders_of
from omz.zoo.vocabulary import Refining

if TYPE_CHECKING:
    from PIL import Image as PillowImage

    from omz.video.reading import VideoFrame

Image: TypeAlias = (
    "str | os.PathLike[str] | bytes | BinaryIO | PillowImage.Image | NDArray[np.number[Any]] | VideoFrame"
)
"""An image: the path of a file, its content, a file opened in binary, a PIL image, an array, or a frame of a video.

Arrays are (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA, as OpenCV reads them, of uint8, uint16, or floats from 0 to 1.
"""


class MattingModel:
    """A matting model, ready to matte images.

    It gives the pixels of the command ``omz_demo``, before alpha is rounded.

    Args:
        model: A name of the zoo, or the path of an IR (.xml). A model of the zoo that does not ship as an IR is
            downloaded and converted on first use, which the logger ``omz`` says.
        device: An OpenVINO device, such as ``CPU``, ``GPU`` or ``AUTO``.
        precision: The precision of execution: ``f32``, ``bf16``, ``f16``, ``default`` for the one that the device
            prefers, or ``auto`` for that one if the converter saw the model keep its results in it, else f32. Or
            ``FP16-INT8``, to run the IR that ``omz_quantizer`` has written below ``download_dir``.
        models_dir: Folders with model cards, which come before the zoo's own.
        download_dir: Where the model was, or is to be, downloaded to, by default the user's models folder.
        input_size: The size (height, width) at which a model of free size sees images: by default the size at which
            the model does best, at most three times that of the image; their own where the model names none.
        refine: How alpha is refined by the image: ``off``, ``fast`` or ``best``, by default as the model's card says.
        align: ``auto`` to align plates where the camera has moved, in a stream from frame to frame; ``frame`` to align
            them to each frame anew; ``off`` to take them as they are.
        match_exposure: ``auto`` to match the brightness and tint of plates where they differ, or ``off``.
        keep_shadow: Whether cutouts and composites have the shadow that the subject casts, found by the plate.
        **roles: What the inputs and outputs of a model are that does not say it, as the flags of ``omz_demo`` do:
            ``picture``, ``plate_input``, ``alpha``, ``foreground``, ``state``, ``activation``, ``alpha_range``, such as
            ``alpha="out:1", activation="softmax"``; and ``layouts`` by name, such as ``{"out": "NHWC"}``.

    Raises:
        OmzError: No model has this name, its files are damaged or cannot be downloaded, its licence has to be accepted
            first, it does not run on the device, its size is fixed to another than ``input_size``, it takes no plate
            to find a shadow by, or its inputs and outputs are not known, or not as said.

    Example:
        >>> import omz
        >>> model = omz.MattingModel("background-matting-starter")
        >>> matte = model("photo.jpg", "empty.jpg")
        >>> matte.alpha.shape, matte.alpha.dtype
        ((96, 160), dtype('float32'))
        >>> matte.foreground.shape
        (96, 160, 3)
    """

    def __init__(  # noqa: PLR0913 the public face, called by keyword
        self,
        model: str | os.PathLike[str] = "background-matting-starter",
        device: str = "CPU",
        precision: str = "auto",
        models_dir: FolderNames = (),
        download_dir: str | os.PathLike[str] | None = None,
        input_size: Size | None = None,
        refine: Refining | None = None,
        align: Aligning = "auto",
        match_exposure: Matching = "auto",
        keep_shadow: bool = False,
        **roles: Any,
    ) -> None:
        options = RoleOptions.from_names(roles)
        folders = tuple(map(Path.absolute, folders_of(models_dir)))
        downloads = None if download_dir is None else Path(download_dir).absolute()
        quantised, execution = split_precision(precision)
        choice = ModelChoice(os.fspath(model), folders, downloads, quantised=quantised)
        path = choice.ir()
        name = os.path.abspath(choice.model) if choice.is_file else choice.model
        given = name, device, precision, folders, downloads, input_size, refine, align, match_exposure, keep_shadow
        self._recipe = given, roles
        self._plate_options, self._prepared = _plate_options(align, match_exposure), PreparedPlates()
        self._open = partial(_open, path.absolute(), device, execution, options)
        self._opened = self._open(LATENCY)
        self._view, self._refine = self._opened.view(input_size), self._opened.refine(refine)
        self._requests = SharedRequests(self._new_requests(), self._for_many)
        if input_size is not None and self._network.size != input_size:
            raise UsageError(f"{model} sees images at another size, which is fixed; leave input_size out")
        self._keep_shadow = keep_shadow
        if keep_shadow and not self.takes_plate:
            raise UsageError(f"{model} takes no plate to find a shadow by; leave keep_shadow out, or use another model")

    def __repr__(self) -> str:
        """Return the name, or the path, and the device."""
        (name, device, *_), _ = self._recipe
        return f"{type(self).__name__}({name!r}, device={device!r})"

    def __reduce__(self) -> tuple[Callable[..., MattingModel], tuple[Any, ...]]:
        """Return the arguments of the model, which is opened with them again."""
        arguments, roles = self._recipe
        return _reopened, (type(self), arguments, roles)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the model, a line each."""
        return self._opened.warnings

    @property
    def takes_plate(self) -> bool:
        """Whether the model takes a plate, the same scene without the subject, and so needs one."""
        return self._network.takes_plate

    def __call__(self, picture: Image, plate: Image | None = None) -> ImageMatte:
        """Return the matte of an image; any number of threads may call a model at a time.

        It depends on image and plate alone. What is measured of a plate is kept, so that the same plate, in whatever
        form it is given, costs less with the next image.

        Args:
            picture: The image: a path, the bytes of a file, a file opened in binary, a PIL image, a frame of
                ``omz.video.read``, or an array of uint8, uint16, or floats from 0 to 1: (H, W) grey, (H, W, 3) BGR or
                (H, W, 4) BGRA, as OpenCV reads them. What is transparent in it stays so.
            plate: The same scene without the subject, of the same size, if the model takes a plate.

        Returns:
            ``alpha`` (H, W) and ``foreground`` (H, W, 3) BGR, float32, 0 to 1, and the ``trimap`` if the network gives
            one. The foreground is estimated if the network gives none. ``cutout()``, ``composite(target)`` and
            ``save(path)`` make images of it.

        Raises:
            ImageError: A file cannot be read, an image is of an unknown type or range, or the plate is missing, not
                needed, or of another size.
        """
        given = _Given(picture, self._plates(plate, Plates), keep_shadow=self._keep_shadow)
        return given.matte(self._requests.alone, self._requests.infer(*given.pair))

    def stream(self, frames: Iterable[Image], plate: Image | None = None) -> Generator[ImageMatte, None, None]:
        """Yield the matte of each frame, in order; several are worked on at a time, or one by a recurrent model.

        Args:
            frames: Images as for a call with one, such as frames of ``omz.video.read``.
            plate: The plate of all frames, if the model takes one.

        Yields:
            Mattes, as for a single image.

        Raises:
            OmzError: A frame cannot be read or matted; the stream ends there.

        Example:
            >>> import omz
            >>> model = omz.MattingModel("background-matting-starter")
            >>> for matte in model.stream(omz.video.read("talk.mp4"), plate="empty.jpg"):
            ...     print(matte.alpha.shape)
            (96, 160)
            (96, 160)
        """
        plates = self._plates(plate, VideoPlates)
        given = (_Given(_kept(frame), plates, index, self._keep_shadow) for index, frame in enumerate(frames))
        return _mattes(self._new_requests(), given)

    def _plates(self, plate: Image | None, kind: type[Plates]) -> Plates | None:
        if plate is None:
            return None
        return kind(OnePlate(_plate_of(plate)), self._plate_options, self._prepared, self._requests.alone.plate_size)

    @property
    def _network(self) -> MattingNetwork:
        return self._requests.alone.network

    def _new_requests(self) -> MattingRequests:
        return MattingRequests(self._opened.engine, self._view, self._refine)

    def _for_many(self, size: Size) -> MattingRequests:
        opened = self._open(Tuning("throughput"), deferred=True)
        return MattingRequests(opened.engine, self._view, self._refine, only=size)


def _open(
    path: Path, device: str, precision: str, options: RoleOptions, tuning: Tuning, deferred: bool = False
) -> OpenedModel:
    from omz.matting.uint8_graph import uint8_graph

    return open_model(
        path, device, precision, tuning, partial(uint8_graph, float_alpha=True, options=options), deferred
    )


def _reopened(kind: type[MattingModel], arguments: tuple[Any, ...], roles: dict[str, Any]) -> MattingModel:
    return kind(*arguments, **roles)


def _plate_options(align: Aligning, match_exposure: Matching) -> PlateOptions:
    if align not in get_args(Aligning):
        raise UsageError(f"align {align!r}: choose one of {', '.join(get_args(Aligning))}")
    if match_exposure not in get_args(Matching):
        raise UsageError(f"match_exposure {match_exposure!r}: choose one of {', '.join(get_args(Matching))}")
    return PlateOptions(align, match_exposure)


class _Given:
    """An image as it was given, its plate, and what the network is to see of it."""

    def __init__(self, image: object, plates: Plates | None, index: int = 0, keep_shadow: bool = False) -> None:
        self._image, self._plates, self._index, self._keep_shadow = image, plates, index, keep_shadow

    @cached_property
    def source(self) -> SourceImage:
        """The image. Raises :class:`ImageError`."""
        return load_image(self._image)

    @cached_property
    def pair(self) -> Pair:
        """What the network is to see: the image, and the plate fitted to it. Raises :class:`ImageError`."""
        picture, opacity = self.source.picture, self.source.opacity
        if self._plates is None:
            return Pair(over(picture, opacity))
        plate, seen = self._plates.source.at(self._index, ""), over(picture, opacity)
        if plate.shape != picture.shape:
            return Pair(seen, plate)  # which the network will refuse
        fitted = self._plates.at(self._index, "", seen, whole=opacity is not None)
        return Pair(over(picture, opacity, fitted.plate), fitted.plate, fitted.small)

    def matte(self, requests: MattingRequests, inferred: Inferred) -> ImageMatte:
        matte, source = requests.float_matte(inferred), self.source
        assert matte.foreground is not None  # it is estimated
        alpha, foreground = keep_transparency(matte.alpha, matte.foreground, source.opacity, source.picture)
        shadow: Alpha | None = None
        seen, plate, _ = self.pair
        if self._keep_shadow and plate is not None:
            shadow = cast_shadow(seen, plate, to_uint8(matte.alpha))
            if source.opacity is not None:
                shadow = shadow_within(shadow, alpha, opacity_as(source.opacity, np.float32))
        return ImageMatte(
            alpha=alpha, foreground=foreground, trimap=matte.trimap, shadow=shadow, source=source, seen=seen
        )


def _plate_of(plate: Image) -> Picture:
    try:
        image = load_image(plate)
    except ImageError as error:
        raise ImageError(f"the plate: {error}") from error
    if image.opacity is not None:
        raise ImageError("the plate is partly transparent, and has to be opaque; fill what is transparent")
    return image.picture


def _mattes(requests: MattingRequests, given: Iterable[_Given]) -> Generator[ImageMatte, None, None]:
    with closing(requests.stream(given, lambda each: each.pair, Memory())) as stream:
        for each, inferred in stream:
            if isinstance(inferred, OmzError):
                raise inferred
            yield each.matte(requests, inferred)


def _kept(frame: Image) -> Image:
    """Return a frame that stays as it is, although who gives it may write the next one into the same array."""
    return frame.copy() if isinstance(frame, np.ndarray) else frame
