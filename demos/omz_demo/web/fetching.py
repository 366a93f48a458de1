"""The download of a model, on a click: its size and its licence are said first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

import gradio as gr
from gradio.components import Component

from omz.errors import DownloadError, OmzError
from omz_demo.web.background import Follower, followed
from omz_demo.web.controls import Update
from omz_demo.web.notices import note, problem
from omz_demo.web.offered import Offer, OfferedModel, megabytes


class Fetching:
    """What offers a download, in the place where it is made; hidden until :meth:`offered`."""

    def __init__(self, offer: Offer, text: gr.HTML) -> None:
        self._offer, self._text = offer, text
        self._name = gr.State("")
        self._accepted = gr.Checkbox(False, label="I accept this licence", visible=False)
        self._button = gr.Button("Download", variant="secondary", visible=False, elem_classes="fetch")

    @property
    def outputs(self) -> list[Component]:
        """The components that :meth:`offered` and :meth:`hidden` change."""
        return [self._name, self._accepted, self._button]

    def offered(self, model: OfferedModel) -> Update:
        """Return what shows a download, and what it is."""
        about = f"{model.name} is not on this machine yet. Its files have {megabytes(model.missing)}."
        licence = f'Licence: <a href="{escape(model.license)}" rel="noreferrer">{escape(model.license)}</a>'
        asks = f"; {escape(model.terms)}" if model.terms else ""
        return {
            self._text: f'<p class="notice" role="status">{escape(about)} {licence}{asks}</p>',
            self._name: model.name,
            self._accepted: gr.update(value=False, visible=bool(model.terms)),
            self._button: gr.update(value=f"Download {model.name}, {megabytes(model.missing)}", visible=True),
        }

    def hidden(self) -> Update:
        """Return what hides it."""
        return {self._accepted: gr.update(visible=False), self._button: gr.update(visible=False)}

    def wire(self, choices: Callable[[], Update], also: list[Component]) -> None:
        """Have the button download; ``choices`` are values of ``also``, other components, once the model is here."""

        def fetch(name: str, is_accepted: bool) -> Iterator[Update]:
            try:
                for line in self._fetched(name, is_accepted):
                    yield {self._text: note(line), self._button: gr.update(interactive=False)}
                end = {self._text: note(f"{name} is here, and can be used"), self._accepted: gr.update(visible=False)}
                yield {**end, **choices(), self._button: gr.update(interactive=True, visible=False)}
            except OmzError as error:
                yield {self._text: problem(str(error)), self._button: gr.update(interactive=True)}

        self._button.click(
            fetch,
            [self._name, self._accepted],
            [self._text, *self.outputs, *also],
            show_progress="hidden",
            concurrency_limit=1,
            concurrency_id="downloads",
            api_visibility="private",
        )

    def _fetched(self, name: str, is_accepted: bool) -> Iterator[str]:
        """Download and convert a model; yield lines meanwhile. Raises :class:`OmzError`."""
        model = self._offer.named(name)
        if model.terms and not is_accepted:
            raise DownloadError(f"{model.terms}; read it, and accept it first")
        follower = Follower()
        choice = self._offer.choice(name, (name,) if is_accepted else ())
        for _ in followed(lambda: choice.ir(follower.on_event), follower):
            yield f"{name}: {follower.step}"
