"""What labels would add: supervised baselines beside the best detector."""
