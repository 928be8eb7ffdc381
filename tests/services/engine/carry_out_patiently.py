"""Carry out one operation as a worker does, which waits for a database that is away."""

import sys

from workers.runtime import get_engine

get_engine().carry_out(sys.argv[1])
