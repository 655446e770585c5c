"""Keeping a campaign going: recovery and rollback."""
