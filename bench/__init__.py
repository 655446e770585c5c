"""Kernels and whole runs against peers and against the machine's limit."""
