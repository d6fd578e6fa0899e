"""What no drift check has looked at yet, and what past ones came to."""
