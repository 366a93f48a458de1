"""What is told of a quantised IR."""

from __future__ import annotations

from omz.quantize.quantizer import _figures


def test_of_two_limits_on_a_figure_the_lower_one_is_told():
    gates = [{"what": "MAD", "value": 2.5, "limit": limit} for limit in (3.0, 2.1, None, 4.0)]
    assert _figures({"MAD": 2.0}, [*gates, {"what": "frames", "value": 0.0, "limit": 0.0}]) == {"MAD": (2.0, 2.5, 2.1)}
