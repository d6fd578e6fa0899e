"""What killed processes left behind: drafts, work of trainings, scratch folders."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from oddwire.operations.doctor.finding import MEND, Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground

_OLD = 3600.0  # seconds without a change, after which nobody works there any more
_DEEPEST = 3  # folders below data/ and mlruns/ that hold drafts
