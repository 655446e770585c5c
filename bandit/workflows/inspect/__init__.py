"""What happened and why: explain, report."""
