"""What people read for each status, a module for each noun."""
