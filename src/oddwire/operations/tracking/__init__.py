"""What is kept in MLflow, and how."""
