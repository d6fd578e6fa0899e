"""Scoring into a folder: a part per file, or per day of an archive."""
