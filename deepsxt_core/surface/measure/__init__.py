"""What can be said about surfaces: sizes, shapes, thin processes, error bars."""
