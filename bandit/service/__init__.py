"""Live decisions over HTTP: routes, errors, keys and metrics; what is decided stands below."""
