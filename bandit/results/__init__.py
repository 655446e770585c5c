"""What the commands return: frozen values of plain types, the same fields as in `--json`."""
