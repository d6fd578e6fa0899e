"""Registered models, and the decision which one is champion."""
