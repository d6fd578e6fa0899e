"""What all readers of logs share: lines, their columns, and the rows that break a rule."""
