"""Uncertainty of figures: resampling, intervals and paired comparisons."""
