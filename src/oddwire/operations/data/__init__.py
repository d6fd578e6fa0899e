"""A source's data as the DVC stages leave it, and where it comes from."""
