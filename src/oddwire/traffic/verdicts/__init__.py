"""What people judged connections to be: the table of a source, and the rows that it is about."""
