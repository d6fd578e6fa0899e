"""Whether the traffic has changed since the champion was trained."""
