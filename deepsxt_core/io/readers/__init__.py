"""Files to volumes: one module per format, told apart by their first bytes."""
