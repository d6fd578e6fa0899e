"""Pictures of a source, one kind a file."""
