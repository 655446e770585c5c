"""Distributions, resampling and sums on arrays."""
