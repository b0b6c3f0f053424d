"""Several people on one server: who they are, what they share, who looks as a guest."""
