"""How good it is: plain numbers in, frozen results out."""
