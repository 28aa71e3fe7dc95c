"""A file of rnngraph, driven from its manifest by programs without rnngraph: docs/hosts.md."""
