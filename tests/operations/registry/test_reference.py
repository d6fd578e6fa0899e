"""The benign rows kept with a version, for the drift check."""

from __future__ import annotations

import pytest

from oddwire.errors import ModelError
from oddwire.operations.registry import reference


@pytest.mark.parametrize("content", [None, b"PAR1 half a file"], ids=["none", "half"])
def test_a_version_whose_reference_is_lost_is_named(registry, register, tmp_path, content):
    """A training that was killed may have registered it without."""
    version = register()
    if content is not None:
        folder = tmp_path / "half"
        folder.mkdir()
        (folder / reference.FILE).write_bytes(content)
        registry.tracking.log_folder(version.run_id, folder, under=reference.FOLDER)
    with pytest.raises(ModelError, match="reference rows of oddwire-desk version 1 cannot be read"):
        reference.load(registry.tracking, version)
