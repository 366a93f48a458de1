"""Type names of image arrays."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
"""(H, W, 3), BGR, 0 to 255."""
Alpha: TypeAlias = NDArray[np.float32]
"""(H, W), 0 to 1."""
AnyAlpha: TypeAlias = NDArray[Any]
"""(H, W): float32, 0 to 1, or all levels of 8 or 16 bits."""
Field: TypeAlias = NDArray[np.float32]
"""(H, W), 0 to 1: a quantity that varies over a picture."""
Colours: TypeAlias = NDArray[np.float32]
"""(H, W, 3), BGR, 0 to 1."""
Size: TypeAlias = tuple[int, int]
"""Height, width in pixels."""
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W), (H, W, 3) BGR or (H, W, 4) BGRA, in 8 or 16 bits."""
Gains: TypeAlias = tuple[float, float, float]
"""By how much blue, green and red are multiplied."""
