"""git and DVC: their files, what a kill leaves in them, and the cache."""
