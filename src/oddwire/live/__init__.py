"""What comes in is scored as it comes in: followed, read, scored and told."""
