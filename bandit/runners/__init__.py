"""How the steps of a workflow are run: on this machine, later on others."""
