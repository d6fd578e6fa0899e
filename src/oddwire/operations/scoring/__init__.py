"""Score traffic with a source's champion."""
