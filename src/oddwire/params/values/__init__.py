"""Values with rules of their own, whatever block they stand in: schedules, names, paths."""
