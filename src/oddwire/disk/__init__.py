"""What is written so that it is whole or not there, what is damaged, and whose folder is whose."""
