"""Name the speaker of a Japanese vowel."""
