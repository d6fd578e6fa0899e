"""The page of a source: tables, pictures and HTML."""
