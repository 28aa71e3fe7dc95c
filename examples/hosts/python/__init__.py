"""The host that needs numpy and onnxruntime only."""
