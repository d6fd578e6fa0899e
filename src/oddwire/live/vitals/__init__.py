"""How a watch stands: what it says of itself, and what is said when it says nothing more."""
