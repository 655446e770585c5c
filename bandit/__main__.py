"""`python -m bandit` is the command `bandit`."""

from bandit.cli import main

main()
