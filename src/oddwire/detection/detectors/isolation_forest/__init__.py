"""The isolation forest, and its fast scoring."""
