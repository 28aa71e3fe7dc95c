"""Control charts of six kinds, DL4J's own example of sequences."""
