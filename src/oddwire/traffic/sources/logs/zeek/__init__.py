"""Zeek's logs of connections, in its own form and as JSON."""
