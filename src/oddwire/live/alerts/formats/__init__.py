"""Alerts and incidents as other tools read them: ECS, OCSF, and the Community ID of both."""
