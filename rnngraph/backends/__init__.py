"""What runs graphs: a backend is a table from op to a small function, with a row for every op."""
