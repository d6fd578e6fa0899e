"""Feature frames → matrices that detectors take."""
