"""What a source's rows look like: statistics, leakage suspects, maps, pictures and a page.

`statistics`, `alone`, `suspects`, `maps` and `findings` are pure: rows in, plain numbers and
sentences out. `pictures` and `scatter` draw them, and `page` puts all on one page. Nothing here
knows of detectors: anomaly scores come in from outside, to colour the maps.
"""
