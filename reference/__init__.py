"""Slow twins, written from the formulas: what the fast code is held to."""
