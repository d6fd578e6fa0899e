"""Models as folders: without pickle, whole or not at all, checked by hashes."""
