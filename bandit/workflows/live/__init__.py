"""Decisions one by one: a generation to decide from, a durable log, and its sealing into waves."""
