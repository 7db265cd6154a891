"""Makes many traces with one Python process.

Reads lines "MODE SEED OUT.pcap", runs gen_trace.py for each, and answers each
with a line once the trace is written.
"""
import os
import sys

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gen_trace.py")
with open(path) as file:
    generator = compile(file.read(), path, "exec")

for line in iter(sys.stdin.readline, ""):
    sys.argv = [path, *line.split()]
    exec(generator, {"__name__": "__main__"})
    print("made", sys.argv[3], flush=True)
