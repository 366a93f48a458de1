"""The tab of models: those at hand, their size and licence, and those that a click downloads."""

from __future__ import annotations

from html import escape

import gradio as gr
from gradio.components import Component

from omz_demo.web.controls import Update
from omz_demo.web.fetching import Fetching
from omz_demo.web.notices import note, table
from omz_demo.web.offered import OfferedModel, megabytes
from omz_demo.web.studio import Studio

_HEADS = ("Model", "Takes a plate", "Size", "Licence", "State")
_PLATE = {True: "yes", False: "no", None: "not known"}
_START = note("Choose a model to download; its size and its licence are said before.")


class ModelTab:
    """The tab, in the place where it is made."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._table = gr.HTML(self._rows(), elem_id="models")
        self._missing = gr.Dropdown(self._names(), value=None, label="Models that are not on this machine")
        self._text = gr.HTML(_START)
        self._fetch = Fetching(studio.offer, self._text)
        outputs: list[Component] = [self._text, *self._fetch.outputs]
        self._missing.input(self._choose, self._missing, outputs, show_progress="hidden", api_visibility="private")
        self._fetch.wire(self.renewed, [self._table, self._missing])

    def renewed(self) -> Update:
        """Return the models as they are now."""
        return {self._table: self._rows(), self._missing: gr.update(choices=self._names(), value=None)}

    def _choose(self, name: str | None) -> Update:
        if not name:
            return {self._text: _START, **self._fetch.hidden()}
        return self._fetch.offered(self._studio.offer.named(name))

    def _names(self) -> list[str]:
        return [model.name for model in self._studio.offer if not model.is_here]

    def _rows(self) -> str:
        return table(_HEADS, map(_cells, self._studio.offer))


def _cells(model: OfferedModel) -> list[str]:
    licence = "not known"
    if model.license:
        licence = f'<a href="{escape(model.license)}" rel="noreferrer">{escape(model.kind)}</a>'
    state = "ready"
    if not model.is_here:
        state = f"to download, {megabytes(model.missing)}"
    elif not model.is_converted:
        state = "converted on first use"
    size = megabytes(model.size) if model.license else ""
    return [escape(model.name), _PLATE[model.takes_plate], size, licence, state]
