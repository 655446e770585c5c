"""Generated operators whose true response is known: for the demo, tests and simulations."""
