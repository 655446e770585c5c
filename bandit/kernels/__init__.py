"""Numba only: arrays in, arrays out; one algorithm a file."""
