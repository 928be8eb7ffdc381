"""Forms: the fields, what was typed into them, and what is wrong with it."""
