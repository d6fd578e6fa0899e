"""The DVC stages: link, ingest, prepare, explore, one file each."""
