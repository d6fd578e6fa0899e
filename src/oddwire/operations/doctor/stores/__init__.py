"""What a project remembers: MLflow's runs and models, the ledger, journals, drift over time."""
