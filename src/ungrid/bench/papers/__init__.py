"""Published settings, one module each: what they were measured on, what was found, and what this ungrid finds."""
