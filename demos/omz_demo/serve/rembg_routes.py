"""The interface of rembg's server, for its clients: ``/api/remove``.

Source: https://github.com/danielgatis/rembg, ``rembg s``. Parameters of its own algorithm are taken, and become the
nearest that there is here.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request

from omz.cutout.in_memory import ImageInMemory
from omz.errors import UsageError
from omz_demo.serve.answers import RefusedError
from omz_demo.serve.service import MEDIA_TYPES, Order, Service
from omz_demo.serve.uploads import Form, form_schema, read_form

_FILE = {"file": "The image."}
_COLOUR = re.compile(r"\s*[0-9]{1,3}\s*(,\s*[0-9]{1,3}\s*){2,3}")
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}, "description": "The cutout, or what else was asked for, as PNG."}
}


class Parameters(BaseModel):
    """Parameters of rembg's server; ``af``, ``ab``, ``ae`` and ``extras`` are of its own algorithm, without effect."""

    model: str = Field("", description="A model that is served here; default: the first that needs no plate.")
    a: bool = Field(False, description="Refine hair and edges: refine=best, or fast without the extra refine.")
    af: int = Field(240, ge=0, le=255, description="Taken for rembg's clients, without effect.")
    ab: int = Field(10, ge=0, le=255, description="Taken for rembg's clients, without effect.")
    ae: int = Field(10, ge=0, description="Taken for rembg's clients, without effect.")
    om: bool = Field(False, description="Return alpha alone.")
    ppm: bool = Field(False, description="Drop specks, and harden the edge: drop_specks=0.001, low=0.25, high=0.75.")
    bgc: str = Field("", description="Background: red,green,blue,alpha, each 0 to 255.")
    extras: str = Field("", description="Taken for rembg's clients, without effect.")
    url: str = Field("", description="Address of the image, instead of a file, if the server allows it.")

    def options(self) -> dict[str, Any]:
        """Return values of the command's options. Raises :class:`UsageError` for a background that is no colour."""
        options: dict[str, Any] = {"what": "cutout"}
        if self.om:
            options["what"] = "alpha"
        elif self.bgc:
            options |= {"what": "composite", "target": _colour(self.bgc)}
        if self.a:
            options["refine"] = "best" if find_spec("pymatting") else "fast"
        if self.ppm:
            options |= {"drop_specks": 0.001, "low": 0.25, "high": 0.75}
        return options


def rembg_routes(service: Service) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["rembg"])

    @router.get("/api/remove", response_class=Response, responses=_IMAGE, summary="Cut out the image behind a URL")
    async def remove_behind_url(request: Request, parameters: Annotated[Parameters, Query()]) -> Response:
        return await _removed(service, request, Form({}, {}), parameters)

    texts = Parameters.model_json_schema()["properties"]
    described = form_schema(_FILE, texts)

    @router.post(
        "/api/remove",
        response_class=Response,
        responses=_IMAGE,
        openapi_extra=described,
        summary="Cut out an image, as rembg's server does",
    )
    async def remove(request: Request) -> Response:
        form = await read_form(request, ["file"])
        return await _removed(service, request, form, _parameters(form))

    return router


async def _removed(service: Service, request: Request, form: Form, parameters: Parameters) -> Response:
    upload = form.files.get("file")
    options = parameters.options()
    if upload is None and not parameters.url:
        raise RefusedError(422, "there is no image; send one as file")
    if upload is None:
        upload = await service.fetched(request, parameters.url)
    order = Order(ImageInMemory(upload.name, upload.content), options, parameters.model)
    delivery = await service.deliver(request, order)
    return Response(delivery.content, media_type=MEDIA_TYPES[delivery.suffix])


def _parameters(form: Form) -> Parameters:
    """Return the parameters of a form; an empty text is as none, as rembg has it. Raises :class:`UsageError`."""
    try:
        return Parameters.model_validate({name: text for name, text in form.texts.items() if text})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UsageError(f"{name} {form.texts.get(name, '')!r}: {first['msg']}") from None


def _colour(text: str) -> str:
    levels = [int(part) for part in text.split(",")] if _COLOUR.fullmatch(text) else [256]
    if max(levels) > 255:
        raise UsageError(f"bgc {text!r} is not a colour; write red,green,blue,alpha, each 0 to 255")
    return "#" + "".join(f"{level:02x}" for level in levels)
