/**
 * An hour's garbage and idling in short: floods, and pauses in which the
 * runtime ends its threads, with every refused system call traced.
 */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { amount } from "../long.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { TwoHosts } from "./namespaces.ts";
import { eventually, pause } from "./processes.ts";
import { liveTest } from "./require.ts";
import { linesOf } from "./rsyslogd.ts";

/** Of 25 seconds each. */
const ROUNDS = amount(1, 144);
/** After 10 idle seconds the runtime ends a thread of its pool. */
const IDLE_MS = 12_000;

/**
 * What may be refused: malloc asks for /proc/sys/vm/overcommit_memory before it
 * gives memory back, and the runtime for certificates that the environment
 * names. Both do without.
 */
const HARMLESS: ReadonlySet<string> = new Set(["openat", "statx", "readlink"]);

/** Sends SYNs from random addresses to random ports for some seconds. */
const FLOOD = `
import os, random, socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
target = socket.inet_aton("10.77.0.2")
end = time.time() + float(sys.argv[1])
sent = 0
while time.time() < end:
    source = struct.pack("!I", 0x0a500000 | random.getrandbits(19))
    seq = random.getrandbits(32) # equal ones would be decoys of one another
    for port in (21, 22, 23, 25, 53, 80, 111):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, source, target)
        tcp = struct.pack("!HHIIBBHHH", 40000, port, seq, 0, 0x50, 2, 1024, 0, 0)
        s.sendto(ip + tcp, ("10.77.0.2", 0))
        sent += 1
    if sent % 350 == 0:
        time.sleep(0.002)
print(sent)
`;

liveTest(
  "floods and idling under the filter: no refused call matters, no crash",
  { root: true, tools: ["ip", "unshare", "python3", "strace", "nmap"] },
  async () => {
    await using folder = await Folder.create();
    const { path } = folder;
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, [
      ...["-o", `file:${path}/lines,json:${path}/json`, "--log-burst", "0"],
      ...["--sources", "65536"],
    ]);
    const { pid } = daemon;
    const strace = two.host.start([
      ...["strace", "-f", "-Z", "-qq", "-o", `${path}/trace`, "-p", `${pid}`],
    ]);
    await pause(500);
    const threads = new Set<string>();
    const watch = () => {
      for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
        threads.add(name);
      }
    };
    watch();
    let sent = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const seconds of [8, 3]) {
        sent += Number(
          await two.scanner.run(["python3", "-c", FLOOD, `${seconds}`]),
        );
        watch();
        await pause(seconds === 8 ? IDLE_MS : 500);
      }
    }
    const lines = () => linesOf(`${path}/lines`).length;
    await two.scan();
    await eventually(
      () => linesOf(`${path}/lines`).at(-1)?.startsWith("10.77.0.1:"),
      () => "a last line",
    );
    const scans = lines();
    watch();
    strace.signal("SIGINT");
    await strace.end();
    assertEquals(await daemon.stop(), 0, daemon.stderr.join("\n"));
    const told = await daemon.told("packets seen");
    const [seen, dropped] = (told.match(/\d+/g) ?? []).map(Number);
    assertGreater(scans, 1000);
    assertGreater(seen + dropped, sent / 2);
    const refused = new Map<string, number>();
    for (const line of linesOf(`${path}/trace`)) {
      const [, call] = /^\d+ +(\w+)\(.*= -1 EPERM/.exec(line) ?? [];
      if (call !== undefined) refused.set(call, (refused.get(call) ?? 0) + 1);
    }
    const list = [...refused].map(([call, count]) => `${call} ${count}`);
    console.log(
      `${sent} packets, ${scans} lines, ${threads.size} threads, refused: ${
        list.join(", ") || "none"
      }; ${told}`,
    );
    for (const call of refused.keys()) assert(HARMLESS.has(call), call);
    const objects = linesOf(`${path}/json`)
      .filter((line) => line.includes('"event_type":"portscan",'));
    assertEquals(objects.length, scans);
    assert(told.endsWith(` ${scans} scans, 0 suppressed`), told);
  },
);
