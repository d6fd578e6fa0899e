"""What the pages say, in words, sentences and commands. Nothing is escaped here but in stories."""
