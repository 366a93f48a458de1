"""The page: its head and its tabs."""

from __future__ import annotations

import gradio as gr

from omz.runtime.quiet_openvino import core
from omz_demo.web.comparison import ComparisonTab
from omz_demo.web.models import ModelTab
from omz_demo.web.offered import Offer
from omz_demo.web.opened import OpenModels
from omz_demo.web.pictures import PictureTab
from omz_demo.web.results import Results
from omz_demo.web.settings import Settings
from omz_demo.web.studio import Studio
from omz_demo.web.videos import VideoTab

_TITLE = "Open Matting Zoo"
_LIFE = (600, 3600)  # seconds: how often old uploads are looked for, and when they are old
_LEAD = "# Open Matting Zoo\nCut people and things out of photos and videos. Nothing leaves this machine."


def make_page(settings: Settings, models: OpenModels, results: Results) -> gr.Blocks:
    """Return the page."""
    studio = Studio(settings, models, results, Offer(settings), (*core().available_devices, "AUTO"))
    with gr.Blocks(title=_TITLE, analytics_enabled=False, delete_cache=_LIFE, fill_width=False) as page:
        gr.Markdown(_LEAD)
        with gr.Tab("Pictures", id="pictures"):
            pictures = PictureTab(studio)
        with gr.Tab("Videos", id="videos"):
            VideoTab(studio, page)
        with gr.Tab("Original | converted", id="comparison"):
            ComparisonTab(studio, pictures)
        with gr.Tab("Models", id="models"):
            ModelTab(studio)
    page.queue(default_concurrency_limit=2, api_open=False)
    return page
