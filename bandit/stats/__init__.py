"""Sums that merge, units of resampling, intervals and bounds: one place for all."""
