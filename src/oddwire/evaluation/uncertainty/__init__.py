"""How sure figures are: resampling, intervals, and paired comparisons."""
