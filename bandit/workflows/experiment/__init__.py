"""`bandit experiment`: designed, started, read and stopped over the campaign's own waves."""
