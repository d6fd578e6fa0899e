"""Figures per campaign: an attack is seen or it is not, however many connections it makes."""
