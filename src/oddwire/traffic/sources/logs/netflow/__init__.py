"""Records of flows: of Argus, and of nfdump."""
