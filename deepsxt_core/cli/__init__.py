"""The command `deepsxt`."""
