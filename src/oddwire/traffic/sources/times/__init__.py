"""How times are written: numbers since some beginning, or texts."""
