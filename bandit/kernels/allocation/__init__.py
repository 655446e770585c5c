"""Prices, eligibility and slots on arrays."""
