/**
 * Where root is not all-powerful, as in containers: the program works as far as
 * it can and says what it does without, or one line says what to grant.
 */

import { CALLS } from "../../daemon/syscall_numbers.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { launch, startDaemon } from "./daemon.ts";
import { USER } from "./machine.ts";
import { Namespace, TwoHosts } from "./namespaces.ts";
import { CHROOT, outerFilter, SETRESUID } from "./outer_filter.ts";
import { eventually, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const NEEDS = {
  root: true,
  tools: ["ip", "unshare", "setpriv", "nmap", "python3"],
};
/** What Docker grants unless it is told otherwise. */
const DOCKERS = [
  ...["chown", "dac_override", "fsetid", "fowner", "mknod", "net_raw"],
  ...["setgid", "setuid", "setfcap", "setpcap", "net_bind_service"],
  ...["sys_chroot", "kill", "audit_write"],
];

/** Runs what follows with no other capabilities than these, as root. */
function capabilities(...names: string[]): string[] {
  const set = ["-all", ...names.map((name) => `+${name}`)].join(",");
  return ["setpriv", `--bounding-set=${set}`, "--inh-caps=-all"];
}

/** The fields of the status of each of a process's threads. */
function threadsOf({ pid }: Process): Map<string, string>[] {
  const folder = `/proc/${pid}/task`;
  return [...Deno.readDirSync(folder)].map(({ name }) =>
    fieldsOf(Deno.readTextFileSync(`${folder}/${name}/status`))
  );
}

/** The fields of a process's status. */
function statusOf({ pid }: Process): Map<string, string> {
  return fieldsOf(Deno.readTextFileSync(`/proc/${pid}/status`));
}

/** Whoever it is, the kernel lets no thread do more than anybody. */
function assertIncapable(daemon: Process): void {
  for (const thread of threadsOf(daemon)) {
    for (const set of ["CapEff", "CapPrm", "CapInh", "CapAmb"]) {
      assertMatch(thread.get(set) ?? "", /^0+$/, `${set} of a thread`);
    }
  }
}

function fieldsOf(text: string): Map<string, string> {
  return new Map(
    text.split("\n").map((line) => {
      const [name, value = ""] = line.split(/:\s*/);
      return [name, value];
    }),
  );
}

/** Where it works, what it says first, and as whom it runs. */
const WORKING: Record<string, { as: string[]; says?: string; uid: number }> = {
  "all that Docker grants": { as: capabilities(...DOCKERS), uid: USER.id },
  "CAP_NET_RAW alone": {
    as: capabilities("net_raw"),
    says:
      "scanlogd: no chroot (CAP_SYS_CHROOT is missing), no change of user (CAP_SETUID and CAP_SETGID are missing)",
    uid: 0,
  },
  "no CAP_SYS_CHROOT": {
    as: capabilities("net_raw", "setuid", "setgid"),
    says: "scanlogd: no chroot (CAP_SYS_CHROOT is missing)",
    uid: USER.id,
  },
  "no CAP_SETGID": {
    as: capabilities("net_raw", "setuid", "sys_chroot"),
    says: "scanlogd: no change of user (CAP_SETGID is missing)",
    uid: 0,
  },
};

for (const [what, { as, says, uid }] of Object.entries(WORKING)) {
  liveTest(`${what}: it finds a scan, confined`, NEEDS, async () => {
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, ["-o", "stdout"], { as });
    const watching = "scanlogd: watching: raw, all interfaces";
    const said = daemon.stderr.filter((line) => !isAboutMemory(line));
    assertEquals(said, says === undefined ? [watching] : [says, watching]);
    assertEquals(daemon.stderr.length, said.length + 1, "no port memory");
    const status = statusOf(daemon);
    assertEquals(status.get("Uid"), Array(4).fill(uid).join("\t"));
    assertEquals(status.get("Seccomp"), "2");
    assertEquals(status.get("NoNewPrivs"), "1");
    assertIncapable(daemon);
    await two.scan();
    await eventually(() => daemon.stdout.length > 0, () => "a line");
    assertIncapable(daemon);
    assertEquals(await daemon.stop(), 0);
  });
}

liveTest(
  "a network of its own in a user namespace: it works",
  NEEDS,
  async () => {
    await using host = await Namespace.create();
    await using daemon = await startDaemon(host, ["-o", "stdout"], {
      as: ["unshare", "--map-root-user", "--net"],
    });
    assertEquals(
      daemon.stderr.filter((line) => !isAboutMemory(line)).slice(0, 1),
      [
        "scanlogd: no change of user (this user namespace does not let groups go)",
      ],
    );
    assertEquals(statusOf(daemon).get("Seccomp"), "2");
    assertEquals([...Deno.readDirSync(`/proc/${daemon.pid}/root/`)], []);
    assertIncapable(daemon);
    assertEquals(await daemon.stop(), 0);
  },
);

/** None of these grants what the kernel's port memory needs, which is said. */
function isAboutMemory(line: string): boolean {
  return line.startsWith("scanlogd: no port memory in the kernel");
}

/** Where it cannot work: what the one line says. */
const REFUSED: Record<string, { as: string[]; says: RegExp }> = {
  "no CAP_NET_RAW": {
    as: capabilities(...DOCKERS.filter((name) => name !== "net_raw")),
    says:
      /^scanlogd: cannot open a packet socket: CAP_NET_RAW is missing; grant it to the container \(docker run --cap-add NET_RAW\) or to the service$/,
  },
  "somebody else's network": {
    as: ["unshare", "--map-root-user"],
    says:
      /^scanlogd: cannot open a packet socket: the network belongs to another user namespace; /,
  },
  "an outer filter that refuses chroot": {
    as: outerFilter(CHROOT),
    says:
      /^scanlogd: chroot: Operation not permitted, although we are root: an outer filter \(seccomp, AppArmor, SELinux\) must allow it, /,
  },
  "an outer filter that refuses to change the user": {
    as: outerFilter(SETRESUID),
    says:
      /^scanlogd: setresuid: Operation not permitted, although we are root: /,
  },
  "an outer filter that refuses filters": {
    as: outerFilter(CALLS.seccomp),
    says:
      /^scanlogd: cannot install the system call filter: Operation not permitted; .*an outer filter must allow seccomp\(2\)$/,
  },
};

for (const [what, { as, says }] of Object.entries(REFUSED)) {
  liveTest(`${what}: one line says what to grant`, NEEDS, async () => {
    await using host = await Namespace.create();
    await using daemon = launch(host, ["-o", "stdout"], { as });
    assertEquals(await daemon.end(), 1);
    assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
    assertMatch(daemon.stderr[0], says);
  });
}

liveTest(
  "under an outer filter it installs its own as well",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, ["-o", "stdout"], {
      // As Docker's does.
      as: outerFilter(CALLS.unshare, CALLS.ptrace, CALLS.io_uring_setup),
    });
    assertEquals(statusOf(daemon).get("Seccomp_filters"), "2");
    await two.scan();
    await eventually(() => daemon.stdout.length > 0, () => "a line");
    assertEquals(await daemon.stop(), 0);
  },
);

const READ_ONLY = "mount -o remount,bind,ro /";

liveTest("a read-only root: it works", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, ["-o", "stdout"], {
    setUp: READ_ONLY,
  });
  assertEquals(statusOf(daemon).get("Uid"), Array(4).fill(USER.id).join("\t"));
  await two.scan();
  await eventually(() => daemon.stdout.length > 0, () => "a line");
  assertEquals(await daemon.stop(), 0);
});

liveTest(
  "a read-only root without an empty directory: a trial makes one where it can, or says so",
  NEEDS,
  async () => {
    await using host = await Namespace.create();
    const nothing = { user: false, empty: false };
    const readOnly = `${READ_ONLY}\nmount -o remount,ro /run`;
    await using daemon = await startDaemon(host, ["--trial", "-o", "stdout"], {
      ...nothing,
      setUp: `mkdir /dev/shm\n${readOnly}`,
    });
    assertMatch(daemon.stderr[0], /an empty directory instead of \/var\/empty/);
    assertEquals([...Deno.readDirSync(`/proc/${daemon.pid}/root/`)], []);
    assertEquals(await daemon.stop(), 0);

    await using other = launch(host, ["--trial", "-o", "stdout"], {
      ...nothing,
      setUp: readOnly,
    });
    assertEquals(await other.end(), 1);
    assertMatch(
      other.stderr.at(-1) ?? "",
      /^scanlogd: cannot make an empty directory in \/run, \/tmp, \/dev\/shm; name one that is there with --chroot$/,
    );
    assert(other.stderr.length <= 2, other.stderr.join("\n"));
  },
);
