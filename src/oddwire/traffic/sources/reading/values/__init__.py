"""What a value of a table means: types, numbers, and words for missing."""
