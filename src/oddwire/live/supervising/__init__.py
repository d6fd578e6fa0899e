"""The loop that follows a source is a process of its own, which is started again if it ends."""
