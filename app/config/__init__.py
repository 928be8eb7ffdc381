"""Settings: what each is called, its default, and what production asks for."""
