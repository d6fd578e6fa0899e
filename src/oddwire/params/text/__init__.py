"""The text of ``params.yaml``: read within bounds, and what is wrong with it in words."""
