"""The user's own data, read and never written: DuckDB over tables, views and files."""
