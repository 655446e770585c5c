"""Posteriors, and policies as frozen hyperparameters over them."""
