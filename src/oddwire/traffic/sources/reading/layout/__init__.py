"""How a file of rows is written: opened, its separator and names, and rows that are none."""
