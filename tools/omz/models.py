"""Models by zoo name or path: matted with, downloaded, converted."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np

from omz.convert.cache import writable_cache
from omz.convert.remembered import RememberedIR, recall, remember
from omz.errors import EngineError, OmzError, UsageError, os_reason
from omz.events import Event, Report
from omz.home import home_folder
from omz.images.arrays import Picture, Size
from omz.images.files import read_picture
from omz.matting.inference import MattingRequests, Memory
from omz.matting.network import STRETCHED, Matte
from omz.matting.roles import PLATES, RoleOptions, bare_name
from omz.runtime.openvino_engine import LATENCY, OpenVINOEngine, Tuning
from omz.text import one_line
from omz.zoo.catalog import Catalog
from omz.zoo.vocabulary import Activation

if TYPE_CHECKING:
    from omz.convert.converter import Conversion
    from omz.convert.plan import ConversionSettings
    from omz.runtime.quiet_openvino import ov
    from omz.video.reading import VideoFrame
    from omz.zoo.card import ModelCard

Image: TypeAlias = "Picture | str | os.PathLike[str] | VideoFrame"
"""An image: (H, W, 3) uint8 BGR, the path of a file, or a frame of a video."""


@dataclass(frozen=True)
class ModelChoice:
    """A model: the path of an IR (.xml), or a zoo name, looked up in the cards below ``models_dir`` first.

    ``download_dir`` has, or gets, the downloaded files of a model that is to be converted, by default the user's models
    folder. Nothing is downloaded if ``offline``. ``accepted`` are the names of models whose licences the user accepts.
    ``trust_code`` runs code that comes with the card.
    """

    model: str
    models_dir: tuple[Path, ...] = ()
    download_dir: Path | None = None
    offline: bool = False
    accepted: tuple[str, ...] = ()
    trust_code: bool = False

    @property
    def is_file(self) -> bool:
        """Whether the model is an IR, and has no card."""
        return self.model.endswith(".xml")

    def takes_plate(self) -> bool | None:
        """Return whether the card says that the model takes a plate, before it is loaded; None if it does not say.

        Raises :class:`omz.errors.CardError`.
        """
        if self.is_file:
            return None
        if self._remembered is not None:
            return self._remembered.takes_plate
        return _takes_plate(self.card)

    def at_hand(self) -> Path | None:
        """Return the IR if it is known without reading a card, and there; None if :meth:`ir` has to look for it."""
        if not self.is_file:
            return None if self._remembered is None else self._remembered.path
        path = Path(self.model)
        return path if path.is_file() else None

    def ir(self, report: Report | None = None) -> Path:
        """Return the IR; a model of the zoo is downloaded and converted on first use. Raises :class:`OmzError`.

        ``report`` takes the events of that; by default, :func:`log_first_use`.
        """
        there = self.at_hand()
        if there is not None:
            return there
        if self.is_file:
            raise EngineError(f"no model at {self.model}; convert one with omz_converter")
        card, path = self.card, self._stored
        if path is None:
            path = self._made(report or log_first_use)
        remember(card.path, RememberedIR(path, _takes_plate(card)))
        return path

    def _made(self, report: Report) -> Path:
        from omz.convert.events import FirstUse
        from omz.convert.fetch import fetch_source
        from omz.convert.plan import ConversionSettings, plan_conversion
        from omz.convert.store import make_ir
        from omz.download.first_use import FetchOptions, folder_of, writable_folder_of

        place = folder_of if self.offline else writable_folder_of
        folder = place(self.card, self.download_dir)
        plan = plan_conversion(self.card, folder, folder, ConversionSettings(trust_code=self.trust_code))
        fetch_source(plan, FetchOptions(self.offline, self.accepted, self._catalog.roots), report)
        report(FirstUse(self.card.name))
        return make_ir(self.card, folder, report, self.trust_code)

    def to_accept(self) -> ModelCard | None:
        """Return the card if :meth:`ir` would download files whose licence is not accepted yet; None if not.

        Raises :class:`omz.errors.CardError`.
        """
        if self.is_file or self.offline or self.at_hand() is not None or self._stored is not None:
            return None
        from omz.download.first_use import folder_of, missing_files  # brings what downloads need
        from omz.download.licenses import is_accepted

        is_needed = missing_files(self.card, folder_of(self.card, self.download_dir))
        return self.card if is_needed and not is_accepted(self.card) else None

    @cached_property
    def card(self) -> ModelCard:
        """The card of a model of the zoo; raises :class:`omz.errors.CardError`."""
        return self._catalog[self.model]

    @cached_property
    def _stored(self) -> Path | None:
        """The IR of the card, if it is there."""
        from omz.convert.store import find_ir

        return find_ir(self.card)

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog(*self.models_dir)

    @cached_property
    def _remembered(self) -> RememberedIR | None:
        return recall(self._catalog.file(self.model))


def log_first_use(event: Event) -> None:
    """Log that a model is downloaded, converted or used in full precision, as a warning of the logger ``omz``.

    That takes seconds in which nothing else can be seen. Python shows warnings where a program has set up no
    logging; where it has, they go where the program wants them.
    """
    from omz.convert.events import FirstUse, FullPrecisionUsed
    from omz.download.events import DownloadNeeded

    if isinstance(event, FirstUse | FullPrecisionUsed | DownloadNeeded):
        logging.getLogger("omz").warning(one_line(event.line))


def _takes_plate(card: ModelCard) -> bool | None:
    roles = {info.role for info in card.input_info}
    if "picture" in roles:
        return "plate" in roles
    names = {bare_name(info.name) for info in card.input_info}
    if not names.isdisjoint(PLATES):
        return True
    return False if len(names) == 1 else None  # others may be states, or a plate of another name


@dataclass(frozen=True)
class OpenedModel:
    """A model ready to run, the milliseconds it took to get ready, and warnings of a line each."""

    engine: OpenVINOEngine
    milliseconds: float
    warnings: tuple[str, ...]

    @property
    def stretches(self) -> bool:
        """Whether the network sees images stretched to its size."""
        return self.engine.resize_type == STRETCHED


def open_model(
    path: Path,
    device: str = "CPU",
    precision: str = "auto",
    tuning: Tuning = LATENCY,
    adapt: Callable[[ov.Model], ov.Model] = lambda model: model,
    deferred: bool = False,
) -> OpenedModel:
    """Compile an IR for a device; arguments are those of :class:`OpenVINOEngine`.

    Compiled models stay in the user's cache folder, or for this run in a temporary one. Raises :class:`EngineError`.
    """
    started = time.perf_counter()
    warnings = []
    try:
        compiled = writable_cache() / "compiled"
        compiled.mkdir(parents=True, exist_ok=True)
        tuning = replace(tuning, cache_dir=compiled)
    except OSError as error:
        warnings.append(f"compiled models are not kept: {os_reason(error)}; set OMZ_HOME to a folder with room")
    engine = OpenVINOEngine(path, device, precision, tuning, adapt, deferred)
    if not engine.facts:
        warnings.append(
            f"{path.name} does not say what it takes, and gets BGR, 0 to 255; omz_converter makes IRs that say"
        )
    return OpenedModel(engine, 1e3 * (time.perf_counter() - started), tuple(warnings))


class MattingModel:
    """A matting model, ready to matte images.

    It gives the pixels of the command ``omz_demo``, before alpha is rounded.

    Args:
        model: A name of the zoo, or the path of an IR (.xml). A model of the zoo that does not ship as an IR is
            downloaded and converted on first use, which the logger ``omz`` says.
        device: An OpenVINO device, such as ``CPU``, ``GPU`` or ``AUTO``.
        precision: The precision of execution: ``f32``, ``bf16``, ``f16``, ``default`` for the one that the device
            prefers, or ``auto`` for that one if the converter saw the model keep its results in it, else f32.
        models_dir: Folders with model cards, which come before the zoo's own.
        download_dir: Where the model was, or is to be, downloaded to, by default the user's models folder.
        input_size: The size (height, width) at which a model of free size sees images, by default their own; smaller
            is faster, and the foreground keeps the detail of the image.
        **roles: What the inputs and outputs of a model are that does not say it, as the flags of ``omz_demo`` do:
            ``picture``, ``plate_input``, ``alpha``, ``foreground``, ``state``, ``activation``, ``alpha_range``, such as
            ``alpha="out:1", activation="softmax"``; and ``layouts`` by name, such as ``{"out": "NHWC"}``.

    Raises:
        OmzError: No model has this name, its files are damaged or cannot be downloaded, its licence has to be accepted
            first, it does not run on the device, its size is fixed to another than ``input_size``, or its inputs and
            outputs are not known, or not as said.

    Example:
        >>> import omz
        >>> model = omz.MattingModel("background-matting-starter")
        >>> matte = model("photo.jpg", "empty.jpg")
        >>> matte.alpha.shape, matte.alpha.dtype
        ((96, 160), dtype('float32'))
        >>> matte.foreground.shape
        (96, 160, 3)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "background-matting-starter",
        device: str = "CPU",
        precision: str = "auto",
        models_dir: Sequence[Path] = (),
        download_dir: Path | None = None,
        input_size: Size | None = None,
        **roles: Any,
    ) -> None:
        from omz.matting.uint8_graph import uint8_graph

        options = role_options(roles)
        path = ModelChoice(os.fspath(model), tuple(models_dir), download_dir).ir()
        adapt = partial(uint8_graph, float_alpha=True, options=options)
        self._opened = open_model(path, device, precision, adapt=adapt)
        self._input_size = input_size
        self._requests, self._lock = self._new_requests(), Lock()
        if input_size is not None and self._requests.network.size != input_size:
            raise UsageError(f"{model} sees images at another size, which is fixed; leave input_size out")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the model, a line each."""
        return self._opened.warnings

    @property
    def takes_plate(self) -> bool:
        """Whether the model takes a plate, the same scene without the subject, and so needs one."""
        return self._requests.network.takes_plate

    def __call__(self, picture: Image, plate: Image | None = None) -> Matte:
        """Return the matte of an image; threads that share the model take turns.

        Args:
            picture: The image, as a (H, W, 3) uint8 BGR array, a path, or a frame of ``omz.video.read``.
            plate: The same scene without the subject, of the same size, if the model takes a plate.

        Returns:
            ``alpha`` (H, W) and ``foreground`` (H, W, 3) BGR, float32, 0 to 1, and the ``trimap`` if the network gives
            one. The foreground is estimated if the network gives none.

        Raises:
            ImageError: A file cannot be read, the plate is missing, not needed, or of another size.
        """
        with self._lock:  # requests serve one stream at a time
            (matte,) = _mattes(self._requests, [picture], plate)
        return matte

    def stream(self, frames: Iterable[Image], plate: Image | None = None) -> Generator[Matte, None, None]:
        """Yield the matte of each frame, in order; several are worked on at a time, or one by a recurrent model.

        Args:
            frames: Arrays, paths or frames of ``omz.video.read``.
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
        return _mattes(self._new_requests(), frames, plate, Memory())

    def _new_requests(self) -> MattingRequests:
        return MattingRequests(self._opened.engine, self._opened.stretches, self._input_size)


def role_options(given: Mapping[str, Any]) -> RoleOptions:
    """Return the roles that were given by name. Raises :class:`UsageError` for unknown names and activations."""
    known = [each.name for each in fields(RoleOptions)]
    unknown = sorted({*given} - {*known})
    if unknown:
        raise UsageError(f"there is no argument {unknown[0]!r}; roles are {', '.join(known)}")
    values = {name: value for name, value in given.items() if value is not None}
    if isinstance(values.get("state"), str):
        values["state"] = (values["state"],)
    activations = get_args(Activation)
    if values.get("activation", "none") not in activations:
        raise UsageError(f"activation {values['activation']!r}: choose one of {', '.join(activations)}")
    return RoleOptions(**values)


def convert_model(
    name: str,
    output: str | os.PathLike[str] | None = None,
    download_dir: str | os.PathLike[str] | None = None,
    settings: ConversionSettings | None = None,
    models_dir: Sequence[Path] = (),
) -> Conversion:
    """Convert a model of the zoo to OpenVINO IR, and compare the IR with its source, as ``omz_converter`` does.

    It works in an isolated process, so that a model which crashes it, or needs too much memory, is an error.

    Args:
        name: A name of the zoo.
        output: The folder for the IRs, by default ``download_dir``; an IR that is up to date is kept.
        download_dir: The folder that ``download_model`` put the model's files into, by default the user's models
            folder. What is missing is downloaded.
        settings: Precisions, shapes, types and layouts of inputs, how the IR is compared, and whether code of a card is
            run.
        models_dir: Folders with model cards, which come before the zoo's own.

    Returns:
        The ONNX file, and for each precision the path of the IR and its manifest.

    Raises:
        OmzError: No model has this name, its files are damaged or cannot be downloaded, or the IR does not give what
            its source gives.

    Example:
        >>> import omz
        >>> conversion = omz.convert_model("background-matting-starter", output="ir")
        >>> conversion.irs["FP16"].path.name
        'background-matting-starter.xml'
    """
    from omz.convert.fetch import fetch_source
    from omz.convert.jobs import convert_apart
    from omz.convert.plan import plan_conversion
    from omz.download.first_use import FetchOptions, writable_folder_of

    catalog = Catalog(*models_dir)
    card = catalog[name]
    downloads = writable_folder_of(card, None if download_dir is None else Path(download_dir))
    folder = downloads if output is None else Path(output)
    plan = plan_conversion(card, downloads, folder, settings)
    fetch_source(plan, FetchOptions(file_roots=catalog.roots), log_first_use)
    return convert_apart(plan)


def download_model(
    name: str, output: str | os.PathLike[str] | None = None, models_dir: Sequence[Path] = ()
) -> tuple[Path, ...]:
    """Download the files of a model, and check their sizes and checksums, as ``omz_downloader`` does.

    Args:
        name: A name of the zoo.
        output: The folder below which the files go, by default the user's models folder; those that are there and
            right are kept.
        models_dir: Folders with model cards, which come before the zoo's own.

    Returns:
        The paths of the files, without those that ship with the package.

    Raises:
        CardError: No model has this name.
        DownloadError: A file cannot be fetched or written, or the licence has to be accepted first.

    Example:
        >>> import omz
        >>> omz.download_model("background-matting-starter", output="zoo")  # ships with the package
        ()
    """
    from omz.download import DownloadSettings, download
    from omz.download.licenses import check_license

    catalog = Catalog(*models_dir)
    card, folder = catalog.load(name), home_folder() if output is None else Path(output)
    for model in card.models:
        check_license(model)
    return download(card, folder, DownloadSettings(file_roots=catalog.roots))


def _mattes(
    requests: MattingRequests, frames: Iterable[Image], plate: Image | None, memory: Memory | None = None
) -> Generator[Matte, None, None]:
    behind = None
    if plate is not None:
        behind = _pixels(plate)
    with closing(requests.stream(frames, lambda frame: (_pixels(frame), behind), memory)) as stream:
        for image, inferred in stream:
            if isinstance(inferred, OmzError):
                raise inferred
            matte = requests.float_matte(inferred)
            opacity = getattr(image, "opacity", None)  # of a frame; what is transparent there stays so
            if opacity is not None:
                matte = replace(matte, alpha=np.minimum(matte.alpha, opacity * np.float32(1 / 255)))
            yield matte


def _pixels(image: Image) -> Picture:
    if isinstance(image, (str, os.PathLike)):
        return read_picture(Path(image))
    if isinstance(image, np.ndarray):
        return image
    return image.picture
