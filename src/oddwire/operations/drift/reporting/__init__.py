"""What people open to look at drift checks: the report of one, and the history of all."""
