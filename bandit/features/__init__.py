"""Feature spec and encoding: DuckDB and Arrow in, C-contiguous float32 out."""
