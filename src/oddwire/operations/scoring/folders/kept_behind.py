"""What the next part of a folder depends on, saved after a part, so that a killed scoring goes on.

What features look back on is large: it is saved every few seconds, under the number of the part
before it. The rest is small, the current ten minutes and the level of an adaptive threshold: it is
saved after every part.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from oddwire.disk.drafts import whole_files, whole_folder
from oddwire.operations.scoring.carried import Carried
from oddwire.traffic.features.in_batches import FeaturesInBatches

_CARRIED = ".npz"
_SAVE_EVERY = 10.0  # seconds


class KeptBehind:
    """The folder of these files, each under the number of the part that it was saved after.

    Parameters
    ----------
    folder
        Where it is, or will be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._saved, self._held = -_SAVE_EVERY, -1

    def keep(
        self, number: int, features: FeaturesInBatches, carried: Carried, *, last: bool
    ) -> None:
        """Save the state after a part: the look-back every few seconds, or if it is the last."""
        self._keep_carried(number, carried)
        if last or time.monotonic() - self._saved >= _SAVE_EVERY:
            self._keep_look_back(number, features)

    def hold(self, number: int, features: FeaturesInBatches, carried: Carried) -> None:
        """Save the state after a part, and keep it until another is held."""
        self._held = number
        if not self._look_back(number).is_dir():
            self._keep_look_back(number, features)
        if not self._carried(number).is_file():
            self._keep_carried(number, carried)

    def forget_before(self, number: int) -> None:
        """Delete what a newer part has made useless, but not what is held."""
        kept = {number, self._held}
        for file in self._folder.glob(f"*{_CARRIED}"):
            if file not in set(map(self._carried, kept)):
                file.unlink(missing_ok=True)
        if self._look_back(number).is_dir():
            self._saved = time.monotonic()
            for other in set(self._numbers()) - kept:
                shutil.rmtree(self._look_back(other), ignore_errors=True)

    def look_backs(self) -> list[Path]:
        """Return the folders that `FeaturesInBatches.save` wrote, the newest first."""
        return list(map(self._look_back, sorted(self._numbers(), reverse=True)))

    def carried(self) -> list[Path]:
        """Return the files that `Carried.save` wrote, the newest first."""
        numbers = [
            int(file.stem) for file in self._folder.glob(f"*{_CARRIED}") if file.stem.isdecimal()
        ]
        return list(map(self._carried, sorted(numbers, reverse=True)))

    def load_look_back(self, number: int, features: FeaturesInBatches) -> bool:
        """Let features go on after a part; False where nothing was saved after it."""
        if not self._look_back(number).is_dir():
            return False
        features.load(self._look_back(number))
        return True

    def load_carried(self, number: int, carried: Carried) -> bool:
        """Let `Carried` go on after a part; False where nothing was saved after it."""
        if not self._carried(number).is_file():
            return False
        carried.load(self._carried(number))
        return True

    def _keep_look_back(self, number: int, features: FeaturesInBatches) -> None:
        with whole_folder(self._look_back(number)) as draft:
            features.save(draft)

    def _keep_carried(self, number: int, carried: Carried) -> None:
        self._folder.mkdir(exist_ok=True)
        with whole_files([self._carried(number)]) as (draft,):
            carried.save(draft)

    def _numbers(self) -> list[int]:
        names = [each.name for each in self._folder.iterdir()] if self._folder.is_dir() else []
        return [int(name) for name in names if name.isdecimal()]

    def _look_back(self, number: int) -> Path:
        return self._folder / f"{number}"

    def _carried(self, number: int) -> Path:
        return self._folder / f"{number}{_CARRIED}"
