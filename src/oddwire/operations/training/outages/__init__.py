"""What lasts of a training that ends early, and how MLflow is told of it in the end."""
