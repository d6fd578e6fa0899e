"""Followers of what servers hold: lists and streams of Redis, topics of Kafka."""
