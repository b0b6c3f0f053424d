"""Results as files for other programs: meshes, volumes, pictures, one bundle of all."""
