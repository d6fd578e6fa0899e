"""Time windows that go on from row to row, for micro-batches."""
