"""The loop that follows a source, and how it is seen to run."""
