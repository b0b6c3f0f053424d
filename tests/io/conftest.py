import pytest
from stack_files import TYPES, WRITERS, make_stack


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    """A file without a telling suffix, the stack in it, and its voxel size."""
    write, edges_nm = WRITERS[request.param]
    stack = make_stack(TYPES.get(request.param, "uint16"))
    path = tmp_path / "tomogram"
    write(path, stack)
    return path, stack, edges_nm
