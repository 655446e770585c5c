"""Linear posteriors on arrays: choices, probabilities, updates."""
