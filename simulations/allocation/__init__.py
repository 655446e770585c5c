"""How good the solver's allocations are, beside what products do instead."""
