"""What a policy would have earned: from a log to a verdict."""
