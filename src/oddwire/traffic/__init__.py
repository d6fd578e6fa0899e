"""What came over the wire: sources, features, splits. Knows nothing of detectors."""
