"""HTTP routes over the workspace, beside the pages."""
