"""What a source writes, as connections: the follower's lines through the batch's readers."""
