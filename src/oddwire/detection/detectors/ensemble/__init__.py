"""The ensemble: several detectors, combined by the surprisal of their scores."""
