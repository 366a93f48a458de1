"""What an accuracy-check.yml may say of a metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from omz.zoo.record import Record


def _no_boolean(value: Any) -> Any:
    """Refuse yes and no where a number is expected; Python would take them for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "must be a number")
    return value


def _mean(value: Any) -> Any:
    return value if value is None or isinstance(value, Mapping) else {"mean": value}


Number = Annotated[float, BeforeValidator(_no_boolean)]
Share = Annotated[Number, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]


class Statistics(Record):
    """What a figure was: its mean over frames, and where known its population standard deviation."""

    mean: Number
    std: Share | None = None


class Metric(Record):
    """A figure, and what it was elsewhere. ``threshold`` is the old name of ``abs_threshold``."""

    type: Literal["mad", "spatial_gradient", "mae", "mse"]
    name: Text | None = None
    prediction_source: Text | None = None
    process_type: Literal["alpha", "image"] | None = None
    presenter: str | None = None
    reference: Annotated[Statistics | None, BeforeValidator(_mean)] = None
    abs_threshold: Share | None = None
    threshold: Share | None = None
    rel_threshold: Share | None = None
    two_sided: bool = False

    @model_validator(mode="after")
    def _one_threshold(self) -> Metric:
        if self.threshold is not None and self.abs_threshold is not None:
            raise PydanticCustomError("threshold", "has abs_threshold and its old name, threshold; remove one")
        return self

    @property
    def title(self) -> str:
        """What the figure is called."""
        return self.name or self.type


class MaskedMetric(Metric):
    """A figure of the pixels where true alpha is above ``pha_tolerance``, or of all."""

    type: Literal["mse_with_mask"]  # type: ignore[assignment]  # another type, the same keys and more
    use_mask: bool = False
    pha_tolerance: Annotated[Number, Field(ge=0, le=1)] = 0.01


class SadMetric(Metric):
    """The sum of absolute differences, in the way of a convention."""

    type: Literal["sad"]  # type: ignore[assignment]  # another type, the same keys and more
    convention: Literal["shm"] = "shm"


AnyMetric = Annotated[Metric | MaskedMetric | SadMetric, Field(discriminator="type")]
