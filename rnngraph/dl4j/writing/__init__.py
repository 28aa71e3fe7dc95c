"""The way back: networks of ours in the files that DL4J 1.0.0-M2.1 reads."""
