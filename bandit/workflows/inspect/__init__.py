"""What happened and why: status, report, explain."""
