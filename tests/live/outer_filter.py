"""Refuses system calls, as a container's own filter does, and runs a program.

    outer_filter.py NUMBER[,NUMBER...] PROGRAM [ARGUMENT...]
"""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1

numbers = [int(number) for number in sys.argv[1].split(",")]
program = [struct.pack("HBBI", 0x20, 0, 0, 0)]
for number in numbers:
    program.append(struct.pack("HBBI", 0x15, 0, 1, number))
    program.append(struct.pack("HBBI", 0x06, 0, 0, REFUSE))
program.append(struct.pack("HBBI", 0x06, 0, 0, ALLOW))
code = ctypes.create_string_buffer(b"".join(program))
header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
# Root needs no no_new_privs for a filter, and a container's has none either.
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])
