"""Names for the arrays of pictures."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
"""(H, W, 3), BGR, 0 to 255."""
Alpha: TypeAlias = NDArray[np.float32]
"""(H, W), 0 to 1."""
Field: TypeAlias = NDArray[np.float32]
"""(H, W), 0 to 1: anything that varies over a picture."""
Colours: TypeAlias = NDArray[np.float32]
"""(H, W, 3), BGR, 0 to 1."""
Size: TypeAlias = tuple[int, int]
"""Height, width in pixels."""
