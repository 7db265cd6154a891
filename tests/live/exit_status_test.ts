/** How the program ends: what it returns, and what it says. */

import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { type DaemonOptions, Folder, launch, startDaemon } from "./daemon.ts";
import { Namespace } from "./namespaces.ts";
import { liveTest } from "./require.ts";
import { SyslogSocket } from "./syslog_socket.ts";

const NEEDS = { root: true, tools: ["ip", "unshare"] };

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  liveTest(
    `${signal} ends it with status 0 and the counts`,
    NEEDS,
    async () => {
      await using host = await Namespace.create();
      await using daemon = await startDaemon(host, ["-o", "stdout"]);
      assertEquals(await daemon.stop(signal), 0);
      assertEquals(daemon.stdout, []);
      assertEquals(
        daemon.stderr.slice(1),
        [
          "scanlogd: 0 packets seen, 0 dropped by the kernel, 0 sources, 0 scans, 0 suppressed",
        ],
      );
    },
  );
}

/** A start that must fail, and what its one line must say. */
interface FailedStart extends DaemonOptions {
  args?: string[];
  says: string;
}

const STDOUT = ["--output", "stdout"];

const FAILED_STARTS: Record<string, FailedStart> = {
  "no such interface": {
    args: [...STDOUT, "-c", "pcap", "-i", "lo", "-i", "eth7*", "-i", "!lo"],
    says: "--interface: no interface matches lo, eth7*, !lo; there are lo",
  },
  "standard output that nothing can be written to": {
    as: ["sh", "-c", 'exec "$@" 1</dev/null', "sh"],
    args: STDOUT,
    says:
      "--output stdout: standard output is open for reading only; redirect it with > or |",
  },
  "a number for a user": {
    args: [...STDOUT, "--user", "0"],
    says:
      '--user: there is no user named "0"; give the name of one, such as scanlogd',
  },
  "a configuration file that everybody can write": {
    setUp: "echo 'min-ports = 7' >/run/config && chmod 666 /run/config",
    args: [...STDOUT, "--config", "/run/config"],
    says:
      '--config: "/run/config" can be written by everybody; mend it with: chmod o-w /run/config',
  },
  "another user's configuration file": {
    setUp: "echo 'min-ports = 7' >/run/config && chown 620 /run/config",
    args: [...STDOUT, "--config", "/run/config"],
    says:
      '--config: "/run/config" belongs to another user than root; mend it with: chown root /run/config',
  },
  "no syslog socket": {
    says: "cannot log to /dev/log: there is no such socket; start syslogd",
  },
  "no such syslog socket": {
    args: ["--syslog-socket", "/run/no-log"],
    says: "cannot log to /run/no-log: there is no such socket",
  },
  "a file for a syslog socket": {
    setUp: "echo >/run/file",
    args: ["--syslog-socket", "/run/file"],
    says: "cannot log to /run/file: nobody listens there; start syslogd",
  },
  "a syslog socket with too long a name": {
    args: ["--syslog-socket", `/run/${"x".repeat(108)}`],
    says: "is 108 bytes long, at most 107 are possible",
  },
  "no user": {
    user: false,
    args: STDOUT,
    says:
      '--user: there is no user "scanlogd"; create it with: useradd --system ',
  },
  "no such user": {
    args: [...STDOUT, "--user", "nemo"],
    says: '--user: there is no user "nemo"; create it with: useradd --system ',
  },
  "root for a user": {
    args: [...STDOUT, "--user", "root"],
    says: '--user: "root" is root; name a user without privileges',
  },
  "no directory": {
    empty: false,
    args: STDOUT,
    says:
      '--chroot: there is no directory "/var/empty"; create it with: mkdir -p -m 755 /var/empty',
  },
  "a file for a directory": {
    setUp: "echo >/var/file",
    args: [...STDOUT, "--chroot", "/var/file"],
    says: '--chroot: "/var/file" is not a directory; name an empty one',
  },
  "a relative directory": {
    args: [...STDOUT, "--chroot", "."],
    says: '--chroot must be an absolute path, got "."',
  },
  "a directory of somebody else's": {
    setUp: "chown 620 /var/empty",
    args: STDOUT,
    says:
      '--chroot: "/var/empty" is not owned by root; mend it with: chown root /var/empty',
  },
  "a directory that others can write to": {
    setUp: "chmod o+w /var/empty",
    args: STDOUT,
    says:
      '--chroot: "/var/empty" is writable by others than root; mend it with: chmod go-w /var/empty',
  },
  "a directory that a group can write to": {
    setUp: "chmod g+w /var/empty",
    args: STDOUT,
    says: '"/var/empty" is writable by others than root',
  },
  "a parent that others can write to": {
    setUp: "chmod 1777 /var",
    args: STDOUT,
    says:
      '--chroot: "/var" is writable by others than root; mend it with: chmod go-w /var',
  },
  "a parent of somebody else's": {
    setUp: "chown 620 /var",
    args: STDOUT,
    says: '--chroot: "/var" is not owned by root',
  },
  "a symbolic link into a place that others can write to": {
    setUp:
      "mkdir -p /run/open/empty; chmod 777 /run/open; ln -s /run/open/empty /var/link",
    args: [...STDOUT, "--chroot", "/var/link"],
    says: '--chroot: "/run/open" is writable by others than root',
  },
  "a trial with a user of one's own that is missing": {
    args: [...STDOUT, "--trial", "--user", "nemo"],
    says: '--user: there is no user "nemo"',
  },
  "a trial with a directory of one's own that is missing": {
    args: [...STDOUT, "--trial", "--chroot", "/var/none"],
    says: '--chroot: there is no directory "/var/none"',
  },
  "a trial with a syslog of one's own that is missing": {
    args: ["--trial", "--output", "syslog"],
    says: "cannot log to /dev/log",
  },
};

liveTest(
  "a failed start ends with status 1 and says why in one line",
  NEEDS,
  async (t) => {
    await using host = await Namespace.create();
    for (
      const [name, { args = [], says, ...options }] of Object.entries(
        FAILED_STARTS,
      )
    ) {
      await t.step(name, async () => {
        await using daemon = launch(host, args, options);
        assertEquals(await daemon.end(), 1);
        assertEquals(daemon.stdout, []);
        assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
        assert(daemon.stderr[0].startsWith("scanlogd: "), daemon.stderr[0]);
        assertStringIncludes(daemon.stderr[0], says);
      });
    }
  },
);

liveTest(
  "a syslog socket that nobody listens on any more is a failed start",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const log = `${folder.path}/log`;
    new SyslogSocket(log)[Symbol.dispose]();
    await using host = await Namespace.create();
    await using daemon = launch(host, [], { log });
    assertEquals(await daemon.end(), 1);
    assertEquals(daemon.stderr.length, 1);
    assertStringIncludes(
      daemon.stderr[0],
      "cannot log to /dev/log: nobody listens there; start syslogd",
    );
  },
);
