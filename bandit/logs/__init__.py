"""Campaigns that were logged elsewhere."""
