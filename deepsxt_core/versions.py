"""Which software computes here."""

import platform
from importlib.metadata import PackageNotFoundError, version

_REPORTED_PACKAGES = (
    *(
        "deepsxt",
        "tensorflow",
        "torch",
        "jax",
        "keras",
        "openvino",
        "numpy",
        "scikit-image",
        "vtk",
        "zarr",
    ),
)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    found = {"python": platform.python_version()}
    for package in _REPORTED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
