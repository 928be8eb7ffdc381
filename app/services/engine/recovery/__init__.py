"""After a death: what a run left is saved, named and cleared away."""
