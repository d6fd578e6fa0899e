"""What a source's rows look like: statistics, leakage suspects, projections, and a page of them.

Nothing here knows of detectors: data is explored before there is any.
"""
