"""The usual words of labels."""

BENIGN = ("benign", "normal", "0")
