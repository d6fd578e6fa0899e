"""What comes in as it comes in: alerts, incidents, and where they are sent."""
