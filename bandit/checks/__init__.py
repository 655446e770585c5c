"""What is asked of arrays at the boundary; each fault has its own sentence."""
