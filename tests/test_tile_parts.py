import pytest

from ungrid.errors import InputError, MachineError
from ungrid.tile_parts import parts_folder, parts_of, tile_path


def ended(output, error, begun):
    """A fit that ends by an error, before its first tile was done or after."""
    with parts_of(output) as folder:
        path = tile_path(folder, 1234) if begun else folder / "source.npy"
        path.parent.mkdir(parents=True)
        path.touch()
        raise error


@pytest.mark.parametrize("error", [InputError("no"), MachineError("full")])
def test_a_fit_that_could_not_begin_leaves_no_folder_and_one_that_had_begun_keeps_its_parts(tmp_path, error):
    with pytest.raises(type(error)):
        ended(tmp_path / "a.ung", error, begun=False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(type(error)):
        ended(tmp_path / "a.ung", error, begun=True)
    assert (parts_folder(tmp_path / "a.ung") / "0001" / "0001234.safetensors").exists()
