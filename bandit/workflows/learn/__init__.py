"""Outcomes in, snapshots out."""
