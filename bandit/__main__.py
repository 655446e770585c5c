"""`python -m bandit` is the command `bandit`."""

from bandit.cli.app import main

main()
