"""Ours: decisions, manifests, outcomes, snapshots, exports, erasure and the lock."""
