"""The interface of this house: ``/v1/mattes``, ``/v1/models``, and what keeps an eye on the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, asdict, fields
from typing import Any

import cv2
import numpy as np
from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.requests import Request

from omz.cutout.flag import Flag, default_of, flag_of
from omz.cutout.in_memory import ImageInMemory
from omz.cutout.options import Options
from omz.errors import UsageError
from omz.images.arrays import Pixels
from omz.text import one_line
from omz_demo.serve.answers import RefusedError, answer
from omz_demo.serve.metrics import MEDIA_TYPE
from omz_demo.serve.service import MEDIA_TYPES, Delivery, Order, Service
from omz_demo.serve.uploads import Form, form_schema, read_form

_FILES = {
    "picture": "The image.",
    "plate": "The same scene without the subject, for models that take it.",
    "target_picture": "An image to put behind the subject.",
}
_ALSO = ("target", "plain")  # that change pixels, and are counted elsewhere among what to resume
_BOXES = 20
_LEAST = 0.001  # share of the subject that has a box
_RESULT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {media_type: {} for media_type in (*MEDIA_TYPES.values(), "application/json")},
        "description": "The result, or with format=json boxes and summary.",
    }
}


def options_of_requests() -> Iterator[Field[Any]]:
    """Yield the options that a request may set: those that change the pixels of images."""
    for each in fields(Options):
        flag = flag_of(each)
        if flag.names and (flag.changes_pixels("images") or each.name in _ALSO):
            yield each


def routes(service: Service) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    _add_work(router, service)
    _add_operation(router, service)
    return router


def _add_work(router: APIRouter, service: Service) -> None:
    @router.post(
        "/v1/mattes",
        tags=["mattes"],
        response_class=Response,
        responses=_RESULT,
        openapi_extra=form_schema(_FILES, _schemas()),
        summary="Cut the subject out of an image",
    )
    async def matte(request: Request) -> Response:
        form = await read_form(request, [*_FILES])
        is_json = form.texts.get("format") == "json"
        delivery = await service.deliver(request, _order(form, is_json))
        if is_json:
            return JSONResponse(_summary(delivery))
        stages = [f"{name.replace(' ', '-')};dur={value:.1f}" for name, value in delivery.cut.stages.items()]
        headers = {"Server-Timing": ", ".join(stages)}
        return Response(delivery.content, media_type=MEDIA_TYPES[delivery.suffix], headers=headers)


def _add_operation(router: APIRouter, service: Service) -> None:
    @router.get("/v1/models", tags=["models"], summary="List the models")
    async def models() -> dict[str, Any]:
        return {"models": [asdict(state) for state in service.models.states]}

    @router.get("/healthz", tags=["operation"], summary="Tell that the process runs")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", tags=["operation"], summary="Tell whether all models are open", responses={503: {}})
    async def ready() -> JSONResponse:
        for state in service.models.states:
            if state.state != "ready":
                return answer(503, f"{state.name}: {state.error or 'is being opened'}")
        return JSONResponse({"status": "ready"})

    @router.get("/metrics", tags=["operation"], summary="Return metrics for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return PlainTextResponse(service.metrics.text(service.queue.admitted), media_type=MEDIA_TYPE)


def _order(form: Form, is_json: bool) -> Order:
    """Return what a form orders. Raises :class:`RefusedError` and :class:`UsageError`."""
    texts = dict(form.texts)
    model = texts.pop("model", "")
    if is_json:
        texts["format"] = "png"
    picture, plate, target = map(form.files.get, _FILES)
    if picture is None:
        raise RefusedError(422, "there is no image; send one as picture")
    contents = [None if each is None else each.content for each in (plate, target)]
    return Order(ImageInMemory(picture.name, picture.content, *contents), _given(texts, target is not None), model)


def _given(texts: Mapping[str, str], has_target: bool) -> dict[str, Any]:
    """Return values of options as a form has them. Raises :class:`UsageError` for one that a request cannot set."""
    known: dict[str, Field[Any]] = {}
    for each in options_of_requests():
        known |= {each.name: each, _spelling(flag_of(each)): each}
    given: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in known:
            names = sorted({_spelling(flag_of(each)) for each in known.values()})
            raise UsageError(f"there is no option {name}; choose from model, {', '.join(names)}")
        given[name] = _switch(name, text) if flag_of(known[name]).takes is bool else text
    if has_target:
        given.setdefault("what", "composite")
    return given


def _switch(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise UsageError(f"{name} {text!r}: write true or false")
    return text.lower() in ("true", "1")


def _schemas() -> dict[str, Any]:
    """Return the schema of each option, made from its flag."""
    schemas: dict[str, Any] = {"model": {"type": "string", "description": "A model of /v1/models."}}
    kinds = {bool: "boolean", int: "integer", float: "number"}
    for each in options_of_requests():
        flag = flag_of(each)
        schema: dict[str, Any] = {"type": kinds.get(flag.takes, "string"), "description": flag.help}
        if flag.choices:
            schema["enum"] = [*flag.choices]
        bounds = {"minimum": flag.lowest, "maximum": flag.highest}
        schema |= {name: bound for name, bound in bounds.items() if bound is not None}
        default = default_of(each)
        if isinstance(default, (bool, int, float, str)):
            schema["default"] = default
        schemas[_spelling(flag)] = schema
    schemas["format"]["enum"] = [*(suffix[1:] for suffix in MEDIA_TYPES), "json"]
    schemas["format"]["description"] = "Format of the result; json: boxes and summary. Default: png."
    return schemas


def _spelling(flag: Flag) -> str:
    return flag.label.removeprefix("--")


def _summary(delivery: Delivery) -> dict[str, Any]:
    cut, state = delivery.cut, delivery.model.state
    height, width = cut.size
    most = np.iinfo(cut.alpha.dtype).max
    return {
        "model": state.name,
        "device": state.device,
        "precision": state.precision,
        "width": width,
        "height": height,
        "coverage": round(float(cut.alpha.mean()) / most, 6),
        "boxes": boxes(cut.alpha),
        "warnings": [*map(one_line, cut.warnings)],
        "plates": [*cut.plates],
        "repairs": [*cut.repairs],
        "milliseconds": {stage: round(value, 3) for stage, value in cut.stages.items()},
    }


def boxes(alpha: Pixels) -> list[dict[str, int]]:
    """Return the bounding boxes of what is more than half opaque, in pixels, the largest first.

    ``right`` and ``bottom`` are behind the last pixel; ``pixels`` is the area without its gaps. What is smaller than a
    thousandth of all is left out.
    """
    mask = (alpha > np.iinfo(alpha.dtype).max // 2).astype(np.uint8)
    _, _, found, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    rows = sorted(found[1:].tolist(), key=lambda row: row[cv2.CC_STAT_AREA], reverse=True)
    least = _LEAST * int(mask.sum())
    result = []
    for left, top, width, height, area in rows[:_BOXES]:
        if area >= least:
            box = {"left": left, "top": top, "right": left + width, "bottom": top + height, "pixels": area}
            result.append(box)
    return result
