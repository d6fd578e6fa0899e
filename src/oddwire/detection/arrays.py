"""What arrays are called in annotations, by what they hold."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]  # a number per row
Matrix = NDArray[np.float64]  # rows by columns
Places = NDArray[np.int64]  # which rows, columns or groups
