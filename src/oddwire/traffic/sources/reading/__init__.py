"""What readers share: files, raw tables, column roles, fetching."""
