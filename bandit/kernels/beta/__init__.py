"""Beta posteriors on arrays: draws and the probability to be best."""
