"""What the start of the command line and of the package loads: next to nothing."""

import inspect
import subprocess
import sys

import pytest

from deepsxt_core.cli.main import build_app

HEAVY = {"h5py", "keras", "numpy", "pandas", "psutil", "pyvista", "scipy", "streamlit"}
HEAVY |= {"tensorflow", "tqdm", "vtk", "vtkmodules", "zarr"}


def loaded(code: str) -> set[str]:
    """Return the modules that a new process has loaded after some lines of Python."""
    code += "\nimport sys\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["app", "--help"]])
def test_help_loads_no_library_and_no_other_command(arguments):
    modules = loaded(
        f"from deepsxt_core.cli.main import main\ntry: main({arguments})\nexcept SystemExit: pass"
    )
    ours = {name for name in modules if name.startswith("deepsxt_core")}
    expected = {"deepsxt_core", "deepsxt_core.cli", "deepsxt_core.cli.main", "deepsxt_core.errors"}
    if arguments[0] == "app":
        expected |= {"deepsxt_core.access", "deepsxt_core.cli.server", "deepsxt_core.settings"}
    assert modules & HEAVY == set()
    assert ours == expected


def test_importing_the_package_loads_nothing_else():
    modules = loaded("import deepsxt_core")
    assert modules & HEAVY == set()
    assert {name for name in modules if name.startswith("deepsxt_core")} == {"deepsxt_core"}


def test_the_help_of_each_command_is_that_of_its_function():
    """It stands in the table too, as asking for help loads no command."""
    app = build_app()
    commands = {name: app[name] for name in app if not name.startswith("-")}
    assert len(commands) > 10
    for name, command in commands.items():
        if command.default_command is None:
            assert list(command), name
        else:
            doc = inspect.getdoc(command.default_command)
            assert doc.splitlines()[0] == command.help, name
