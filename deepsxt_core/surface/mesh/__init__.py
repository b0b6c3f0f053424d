"""Meshes joined from slabs, finished, and counted object by object."""
