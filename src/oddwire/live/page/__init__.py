"""The page of incidents: read-only, made on the server, without a script."""
