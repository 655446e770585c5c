"""Logged and generated campaigns replayed wave by wave for policies that learn."""
