"""What the rows of a file or day depend on of those before it."""

from __future__ import annotations

from typing import NamedTuple

from oddwire.operations.scoring.carried import Carried
from oddwire.traffic.features.in_batches import FeaturesInBatches


class Before(NamedTuple):
    """The state that scoring one part hands to the next.

    Parameters
    ----------
    features
        Makes the features of the rows, and knows what they look back on.
    carried
        What else follows from the rows before.
    """

    features: FeaturesInBatches
    carried: Carried
