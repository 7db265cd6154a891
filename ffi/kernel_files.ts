/**
 * Files that the kernel makes up, which look like files on a disk.
 *
 * @module
 */

import { checked, libc } from "./libc.ts";

/** Longer than struct statfs (bits/statfs.h). */
const STATFS = 256;
/** Types of the file systems that such files are in (linux/magic.h). */
const TYPES = [
  0x9fa0, // proc
  0x62656572, // sysfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x62656570, // configfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0xf97cff8c, // selinuxfs
  0x43415d53, // smackfs
  0xcafe4a11, // bpf
  0xde5e81e4, // efivarfs
  0x6165676c, // pstore
  0x42494e4d, // binfmt_misc
  0x65735543, // the control files of FUSE
  0x19800202, // mqueue
];

/** Whether an open file is one. */
export function isOfKernel(fd: number): boolean {
  const status = new DataView(new ArrayBuffer(STATFS));
  checked(libc().fstatfs(fd, status.buffer), "fstatfs");
  return TYPES.includes(status.getUint32(0, true)); // f_type comes first
}
