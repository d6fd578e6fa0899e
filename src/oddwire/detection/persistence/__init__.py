"""Models on disk: a folder of JSON, skops, NumPy and safetensors files with a manifest."""
