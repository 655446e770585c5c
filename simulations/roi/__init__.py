"""`bandit roi` on whole campaigns whose truth is known."""
