"""One module a command: wiring only, each reads as the list of its steps."""
