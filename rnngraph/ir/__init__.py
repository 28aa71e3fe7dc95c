"""The graph: typed values, ops, cells, passes. Nothing here knows a backend."""
