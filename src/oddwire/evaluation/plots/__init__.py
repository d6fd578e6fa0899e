"""Pictures of how detectors do: figures in, a matplotlib `Figure` out."""
