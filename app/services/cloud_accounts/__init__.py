"""Cloud accounts: who has which, what they may name, and how they are used."""
