"""A wave, from the sources to the lists."""
