"""What runs it over time, each tool behind one file."""
