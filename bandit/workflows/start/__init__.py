"""First steps: demo, init, check."""
