"""What napari calls to open and write our files; nothing here imports napari.

`napari.yaml` names the functions, and the entry point ``napari.manifest`` names that file.
"""
