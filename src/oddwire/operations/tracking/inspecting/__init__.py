"""MLflow's store as `oddwire doctor` looks at it: opened as it is, or not at all."""
