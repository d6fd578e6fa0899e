"""What labels would add: supervised baselines compared with the best detector."""
