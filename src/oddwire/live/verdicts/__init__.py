"""What people decide about alerts: what they were, and which are not to be sent."""
