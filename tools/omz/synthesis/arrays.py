"""Names for the arrays of the synthesis."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Field: TypeAlias = NDArray[np.float32]
"""(H, W), 0 to 1."""
Image: TypeAlias = NDArray[np.float32]
"""(H, W, 3), BGR, 0 to 1."""
Size: TypeAlias = tuple[int, int]
"""Height, width in pixels."""
