"""An error of conversions that programs tell from others."""

from __future__ import annotations

from omz.errors import ConversionError


class CompressionError(ConversionError):
    """Weights in half precision destroy a model's results; in full precision, it can be used."""
