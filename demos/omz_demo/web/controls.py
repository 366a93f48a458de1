"""Controls that pictures and videos share: model, device, precision, refinement, and the new background."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from omz.cutout.flags import STARTER, WITHOUT_PLATE
from omz.errors import UsageError
from omz_demo.web.offered import Offer, OfferedModel
from omz_demo.web.settings import Settings
from omz_demo.web.uploads import picture_upload

Values = Mapping[Component, Any]
"""The values of components, as Gradio hands them to an event."""

Update = dict[Component, Any]
"""New values of components, as an event returns them."""

_PRECISIONS = ("auto", "f32", "f16", "bf16", "default")
_REFINING = (("as the model's card says", ""), ("off", "off"), ("fast", "fast"), ("best (slow)", "best"))
_TARGETS = (("transparent", "transparent"), ("a colour", "colour"), ("a picture", "picture"), ("blurred", "blur"))
_AUTOMATIC = f"Automatic is {STARTER} with a plate, and {WITHOUT_PLATE} without one."
_RGBA = re.compile(r"rgba?\(\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)")


@dataclass(frozen=True)
class Chosen:
    """What was chosen: a model by name, empty for a suitable one, how it runs, and the new background.

    ``target`` is a text as ``--target`` takes it, empty for a transparent one; ``target_picture`` is the path of an
    upload in its place.
    """

    model: str
    device: str
    precision: str
    refine: str
    target: str
    target_picture: str | None

    @property
    def is_transparent(self) -> bool:
        """Whether the background is to be transparent."""
        return not self.target and self.target_picture is None

    @property
    def kind(self) -> str:
        """The name of what comes of it."""
        return "cutout" if self.is_transparent else "composite"

    @property
    def video_suffix(self) -> str:
        """The format of a video of it, which browsers show."""
        return ".webm" if self.is_transparent else ".mp4"


class Controls:
    """The controls, in the place where they are made."""

    def __init__(self, settings: Settings, offer: Offer, devices: tuple[str, ...]) -> None:
        options = settings.options_of({})
        self._offer = offer
        self.target = gr.Radio(_TARGETS, value="transparent", label="New background", elem_classes="target")
        self.colour = gr.ColorPicker("#3ca0b4", label="Colour", visible=False)
        self.picture = picture_upload("New background", visible=False, height=200)
        self.blur = gr.Slider(1, 100, 25, step=1, label="Blur, in pixels", visible=False)
        self.model = gr.Dropdown(model_choices(offer), value="", label="Model", info=_AUTOMATIC)
        with gr.Accordion("Device, precision, refinement", open=False):
            self.device = gr.Dropdown(devices, value=options.device, label="Device")
            self.precision = gr.Dropdown(self._precisions(""), value=options.precision, label="Precision")
            self.refine = gr.Radio(_REFINING, value="", label="Refinement of hair and edges")
        self.target.change(
            _shown, self.target, [self.colour, self.picture, self.blur], queue=False, api_visibility="private"
        )
        self.model.change(
            self._renewed_precision,
            [self.model, self.precision],
            self.precision,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    @property
    def components(self) -> set[Component]:
        """All of them, as inputs of an event."""
        return {each for each in vars(self).values() if isinstance(each, Component)}

    def renewed(self) -> Update:
        """Return the models as they are now."""
        return {self.model: gr.update(choices=model_choices(self._offer))}

    def _precisions(self, model: str) -> list[str]:
        """Return the precisions to choose from: in 8 bits where the model has such an IR."""
        return [*_PRECISIONS, *self._offer.quantised(model)]

    def _renewed_precision(self, model: str, precision: str) -> Any:
        precisions = self._precisions(model)
        return gr.update(choices=precisions, value=precision if precision in precisions else "auto")

    def chosen(self, values: Values) -> Chosen:
        """Return what was chosen. Raises :class:`UsageError` where a picture is missing."""
        target, picture = "", None
        match values[self.target]:
            case "colour":
                target = hex_colour(values[self.colour])
            case "blur":
                target = f"blur:{values[self.blur]:g}"
            case "picture":
                picture = values[self.picture]
                if picture is None:
                    raise UsageError(
                        "there is no picture for the new background; drop one, or choose another background"
                    )
        names = (self.model, self.device, self.precision, self.refine)
        model, device, precision, refine = (values[each] or "" for each in names)
        return Chosen(model, device, precision, refine, target, picture)


def _shown(target: str) -> list[Any]:
    return [gr.update(visible=target == kind) for kind in ("colour", "picture", "blur")]


def hex_colour(text: str) -> str:
    """Return a colour as a browser writes it, ``#3ca0b4`` or ``rgba(60, 160, 180, 1)``, in the first way."""
    found = _RGBA.match(text)
    if found is None:
        return text
    return "#" + "".join(f"{min(255, round(float(each))):02x}" for each in found.groups())


def model_choices(offer: Offer) -> list[tuple[str, str]]:
    """Return the models, as they are shown, with their names."""
    return [("automatic", ""), *((shown(model), model.name) for model in offer)]


def shown(model: OfferedModel) -> str:
    """Return a model in a line."""
    about = {True: ", with a plate", False: ", without a plate", None: ""}[model.takes_plate]
    if model.is_here:
        return f"{model.name}{about}"
    return f"{model.name}{about} (to download)"
