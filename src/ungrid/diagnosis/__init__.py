"""What is wrong with a fit, and what to do about it."""
