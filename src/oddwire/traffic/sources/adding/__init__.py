"""Files that somebody has → the block of ``params.yaml`` that reads them, and what they hold."""
