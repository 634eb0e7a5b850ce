"""What happened to a picture, and the candidates that can undo it."""
