"""What can be said about a detector where nothing is labelled."""
