"""What a source writes, as connections: the follower's lines through the batch's readers."""

from oddwire.live.reading.micro_batch import MicroBatch
from oddwire.live.reading.opening import open_reading
from oddwire.live.reading.reading import Reading

__all__ = ["MicroBatch", "Reading", "open_reading"]
