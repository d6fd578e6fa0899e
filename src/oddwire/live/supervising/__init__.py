"""The loop that follows a source runs as a process of its own, which is started again if it ends."""
