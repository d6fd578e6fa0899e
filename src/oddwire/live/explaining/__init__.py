"""Alerts scored again from what is stored, by the model that raised them."""

from oddwire.live.explaining.again import ScoredAgain, features_frame, score_again

__all__ = ["ScoredAgain", "features_frame", "score_again"]
