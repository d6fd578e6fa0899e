"""What is wrong with an installation and its project, and the command that mends it."""
