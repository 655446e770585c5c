"""DuckDB over Parquet: sources, record, manifests, snapshots, index, exports."""
