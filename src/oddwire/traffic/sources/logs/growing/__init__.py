"""Logs that are still written: read chunk by chunk, with the rows that the whole file gives."""
