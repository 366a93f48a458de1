"""Options of a cutout job: the values of its flags, checked, and what follows from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from omz.cutout.file_urls import local_path
from omz.cutout.flag import InputKind, flag_of, setting
from omz.cutout.flags import (
    GREEN,
    NO_PLATE,
    STARTER,
    WITHOUT_ALPHA,
    WITHOUT_PLATE,
    ClusterFlags,
    InputFlags,
    JobFlags,
    MatteFlags,
    ModelFlags,
    OutputFlags,
    PlateFlags,
    RoleFlags,
    ScreenFlags,
    SummaryFlags,
)
from omz.errors import UsageError

if TYPE_CHECKING:
    from omz.matting.plate_fitting import PlateOptions
    from omz.matting.roles import RoleOptions
    from omz.matting.stream import MatteOptions
    from omz.models.choice import ModelChoice
    from omz.runtime.openvino_engine import Tuning
    from omz.zoo.vocabulary import Refining

_PLAIN: Mapping[str, Any] = {
    "align": "off",
    "match_exposure": "off",
    "refine": "off",
    "fill_holes": 0.0,
    "drop_specks": 0.0,
}
"""What --plain stands for."""


@dataclass(frozen=True, kw_only=True)
class Options(
    InputFlags,
    PlateFlags,
    OutputFlags,
    MatteFlags,
    JobFlags,
    ClusterFlags,
    ModelFlags,
    RoleFlags,
    ScreenFlags,
    SummaryFlags,
):
    """Options of a cutout job; each has a default. See the flags of the same names.

    ``stretch`` says whether the network sees the image stretched to its size; None leaves that to the model.
    ``output_is_folder`` says that the name of the output ends in a slash, which its path does not keep.
    ``layouts`` has the order of dimensions of inputs and outputs of an IR, by name; the empty name is for all other
    inputs. ``hints`` are lines for the user about what follows from the options.

    Raises :class:`UsageError` for values out of range.
    """

    stretch: bool | None = None
    output_is_folder: bool = setting(False, "")
    layouts: Mapping[str, str] = field(default_factory=dict)
    hints: tuple[str, ...] = setting((), "")

    def __post_init__(self) -> None:
        for each in fields(self):
            flag_of(each).check(getattr(self, each.name))
        self._set("limit", self.limit or None)
        self._set("resume", self.resume or self.watch)
        self._set("inputs", tuple(map(local_path, self.inputs)))
        if self.plate == NO_PLATE:
            self._set("plate", None)
            self._set("model", self.model or WITHOUT_PLATE)
        for name in ("plate", "target"):
            text = getattr(self, name)
            if text is not None:
                self._set(name, local_path(text))
        if self.output is not None:
            self._set("output", Path(local_path(str(self.output))))
        if not self.whats and self.target is None and self._is_video_without_alpha():
            self._set("target", GREEN)  # as Open Model Zoo does
            hint = f"{self.output} has no alpha, so the background is {GREEN}; set another with --target, or use .mov"
            self._set("hints", (*self.hints, hint))
        is_transparent = self.target in (None, "transparent")
        if not self.whats and is_transparent:
            self._set("whats", ("cutout",))
        elif not self.whats:
            self._set("whats", ("composite",))
        elif "composite" in self.whats and is_transparent:
            self._set("target", GREEN)
            hint = f"a composite needs a target, so its background is {GREEN}; set another with --target"
            self._set("hints", (*self.hints, hint))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _is_video_without_alpha(self) -> bool:
        if self.output is None or self.output_is_folder:
            return False
        return self.output.suffix.lower() in WITHOUT_ALPHA

    @cached_property
    def model_choice(self) -> ModelChoice:
        """The model."""
        from omz.models.choice import ModelChoice, split_precision

        return ModelChoice(
            self.model or STARTER,
            self.models_dir,
            self.download_dir,
            self.offline,
            self.accept_license,
            self.trust_code,
            split_precision(self.precision)[0],
        )

    @property
    def execution(self) -> str:
        """The precision of execution."""
        from omz.models.choice import split_precision

        return split_precision(self.precision)[1]

    def with_model(self, live: bool) -> Options:
        """Return the options with a model: the one asked for, or that for what is known of the background.

        A ``live`` source can show its plate first.
        """
        if self.model:
            return self
        return replace(self, model=STARTER if live or self.plate is not None else WITHOUT_PLATE)

    @property
    def review_page(self) -> Path | None:
        """The page of the review; each shard has its own."""
        if self.review is None:
            return None
        if self.part is None:
            return self.review / "review.html"
        return self.review / f"review.{self.part[0]}-of-{self.part[1]}.html"

    @property
    def role_options(self) -> RoleOptions:
        """The roles of inputs and outputs that were said."""
        from omz.matting.roles import RoleOptions

        return RoleOptions.of(self)

    @property
    def plate_options(self) -> PlateOptions:
        """How plates are fitted to images."""
        from omz.matting.plate_fitting import PlateOptions

        return PlateOptions(self.align, self.match_exposure)

    @property
    def refinement_steps(self) -> tuple[Refining | None, bool, bool]:
        """How alpha is refined, None: as the model says; whether holes are filled, and islands dropped."""
        return self.refine, self.fill_holes != 0, self.drop_specks != 0

    def matte_options(self, blur: int) -> MatteOptions:
        """Return the changes to mattes; ``blur`` is that of the background, in pixels. Raises :class:`UsageError`."""
        from omz.images.refinement import Refinement
        from omz.matting.stream import MatteOptions

        areas = self.fill_holes or 0.0, self.drop_specks or 0.0
        refinement = Refinement(*areas, self.low, self.high, self.shift, self.feather)
        return MatteOptions(refinement, self.smooth, blur, self.keep_shadow)

    def tuning(self, one_at_a_time: bool) -> Tuning:
        """Return the tuning of the device: for latency if images come ``one_at_a_time``, else for throughput."""
        from omz.runtime.openvino_engine import Tuning

        default: Literal["latency", "throughput"] = "latency" if one_at_a_time else "throughput"
        return Tuning(self.hint or default, self.num_streams, self.num_threads, graph=self.graph)

    def resume_key(self, video: bool) -> dict[str, str]:
        """Return the options that the pixels of images, or of a ``video``, depend on, as text by name.

        These are all options but those declared by :func:`omz.cutout.flag.setting`. Names of files are among the
        latter, since their content counts.
        """
        kind: InputKind = "videos" if video else "images"
        names = [each.name for each in fields(self) if flag_of(each).changes_pixels(kind)]
        return {name: str(getattr(self, name)) for name in names}


def make_options(inputs: tuple[str, ...], given: Mapping[str, Any]) -> Options:
    """Return options from values by their names, where text is read as on the command line; None is the default.

    A name is that of a field, or that of its flag: ``whats`` or ``what``. Raises :class:`UsageError` for unknown names,
    values that make no sense, and an option that is given by two names.
    """
    values: dict[str, Any] = {}
    unread, known = dict(given), list[str]()
    for each in fields(Options):
        flag = flag_of(each)
        long = [name[2:] for name in flag.names if name.startswith("--")]
        known += [name for name in (each.name, *long) if "/" not in name]
        for spelling in (each.name, *long):
            value = unread.pop(spelling, None)
            if value is None:
                continue
            if each.name in values or (each.name == "inputs" and inputs):
                raise UsageError(f"{each.name} is given twice, once as {spelling}; give it once")
            values[each.name] = flag.value(value)
            if each.name == "output":
                values["output_is_folder"] = not os.path.basename(os.fspath(value))
    if values.get("plain"):
        values = {**_PLAIN, **values}
    if unread:
        unknown = min(unread)
        near = get_close_matches(unknown, known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no option {unknown!r}; {hint}see omz_demo --help for their names")
    return Options(**{"inputs": inputs, **values})
