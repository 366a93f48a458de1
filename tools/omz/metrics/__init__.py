"""Distance of a matte from the truth: pure functions of two arrays, lower is better, sums in float64.

Alphas are (H, W), foregrounds (H, W, 3), 0 to 1 in any floating type, or levels in uint8 or uint16. A ``region`` is a
boolean (H, W) of the pixels that count, None for all. Numbers are as the formula gives them; factors and names are
those of a convention (:mod:`omz.accuracy.conventions`). A mean over no pixel at all is not a number (NaN), nor is
anything that a NaN has part in.
"""
