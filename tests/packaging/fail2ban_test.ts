import fc from "fast-check";
import { formatReport } from "../../format/line.ts";
import { assert, assertEquals } from "../assert.ts";
import { run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";
import * as reports from "../format/reports.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const FILTER = `${ROOT}packaging/fail2ban/filter.d/scanlogd-line.conf`;
const VECTORS = `${ROOT}tests/data/conformance`;

/** The traditional form of rsyslogd, and the one of the last years. */
const FORMS = [
  (message: string) => `Nov 22 18:05:51 my-host ${message}`,
  (message: string) => `2026-11-22T18:05:51.123456+00:00 my-host ${message}`,
];

/** Whom the filter would ban for some lines, in their order. */
async function banned(lines: readonly string[]): Promise<string[]> {
  const path = await Deno.makeTempFile({ prefix: "scanlogd-test-" });
  try {
    await Deno.writeTextFile(path, `${lines.join("\n")}\n`);
    const text = await run(["fail2ban-regex", "-o", "ip", path, FILTER]);
    return text.split("\n").filter((line) => line !== "");
  } finally {
    await Deno.remove(path);
  }
}

/** The source of a line, without port and brackets. */
function sourceOf(line: string): string {
  const [source] = line.split(" to ");
  return /^\[(.+)\]/.exec(source)?.[1] ??
    source.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}

function goldenLines(): string[] {
  return [...Deno.readDirSync(VECTORS)]
    .filter(({ name }) => name.endsWith(".expected"))
    .flatMap(({ name }) =>
      Deno.readTextFileSync(`${VECTORS}/${name}`).trimEnd().split("\n")
    );
}

liveTest(
  "the fail2ban filter finds each line of the reference, and no flood message",
  { tools: ["fail2ban-regex"] },
  async () => {
    const lines = goldenLines();
    const scans = lines.filter((line) => !line.startsWith("More possible"));
    assert(scans.length > 100 && scans.length < lines.length);
    for (const form of FORMS) {
      assertEquals(
        await banned(lines.map((line) => form(`scanlogd: ${line}`))),
        scans.map(sourceOf),
      );
    }
  },
);

const PORTS = "ports 22, 23, 111, 21, 25, 143, ...";

/** Forms that no vector has, and whom they name. */
const FURTHER: readonly [string, string][] = [
  [
    `[2001:db8::7]:40000 to 2001:db8::1 ${PORTS}, fSrpauxy, TOS 00, TTL 64 @06:40:13`,
    "2001:db8::7",
  ],
  [
    `2001:db8::7 to 2001:db8::1 and others, ${PORTS}, fSrpauxy, TTL 64 @06:40:13`,
    "2001:db8::7",
  ],
  [
    `2001:db8::/64 to 2001:db8::1 ${PORTS}, ??????xy @06:40:13`,
    "2001:db8::/64",
  ],
  [`fe80::1 to ff02::1 ${PORTS}, fSrpauxy @06:40:13`, "fe80::1"],
  [
    `10.77.0.1 to 10.77.0.2 ${PORTS}, udp, TOS 00, TTL 64 @06:40:13`,
    "10.77.0.1",
  ],
  [`10.77.0.1:53 to 10.77.0.2 ${PORTS}, sctp @06:40:13`, "10.77.0.1"],
  [`10.77.0.1 to 10.77.0.2 ${PORTS}, ??R?A??? @06:40:13`, "10.77.0.1"],
  [`10.77.0.1 to 10.77.0.2 ports 22, ..., fSrpauxy @06:40:13`, "10.77.0.1"],
];

liveTest(
  "the fail2ban filter finds IPv6 sources, prefixes and other protocols",
  { tools: ["fail2ban-regex"] },
  async () => {
    for (const form of FORMS) {
      for (const name of ["scanlogd", "scanlogd[42]"]) {
        assertEquals(
          await banned(FURTHER.map(([line]) => form(`${name}: ${line}`))),
          FURTHER.map(([, address]) => address),
        );
      }
    }
  },
);

liveTest(
  "the fail2ban filter finds whatever the program writes of a scan",
  { tools: ["fail2ban-regex"] },
  async () => {
    const scans = fc.sample(reports.scan, 500);
    const lines = scans.map((one, i) =>
      FORMS[0](`scanlogd: ${formatReport(one, { maxLine: i % 2 ? 0 : 120 })}`)
    );
    assertEquals(await banned(lines), scans.map(({ source }) => source));
  },
);

liveTest(
  "the fail2ban filter bans for no decoys and no end of a scan",
  { tools: ["fail2ban-regex"] },
  async () => {
    const silent = fc.oneof(reports.decoys, reports.end);
    const lines = fc.sample(silent, 500).map((one, i) =>
      FORMS[0](`scanlogd: ${formatReport(one, { maxLine: i % 2 ? 0 : 120 })}`)
    );
    const witness = FORMS[0](`scanlogd: ${SCAN}`);
    assertEquals(await banned([...lines, witness]), ["192.0.2.7"]);
  },
);

liveTest(
  "of unlogged sources the fail2ban filter bans a line's first, if it is verified",
  { tools: ["fail2ban-regex"] },
  async () => {
    // As the detector tells them: verified ones first, then answered ones.
    const lines = fc.sample(reports.unlogged, 500).flatMap((one) => {
      const names = ["verified", "answered", "seen"].flatMap((standing) =>
        one.names.filter((name) => name.standing === standing)
      );
      return formatReport({ ...one, names }).split("\n");
    });
    const firsts = lines.flatMap((line) =>
      /: (\S+) \(verified\)/.exec(line)?.[1] ?? []
    );
    assert(firsts.length > 100 && firsts.length < lines.length);
    assertEquals(
      await banned(lines.map((line) => FORMS[0](`scanlogd: ${line}`))),
      firsts,
    );
  },
);

const SCAN = `192.0.2.7 to 192.0.2.1 ${PORTS}, fSrpauxy @06:40:13`;

/** What other programs, or strangers through them, may write. */
const OTHERS: readonly string[] = [
  "scanlogd: More possible port scans follow",
  "scanlogd: watching: raw, all interfaces",
  "scanlogd: 1200 packets seen, 0 dropped by the kernel, 2 sources, 3 scans, 0 suppressed",
  `sshd[7]: Invalid user scanlogd: ${SCAN} from 198.51.100.1 port 22`,
  `sshd[7]: Invalid user x scanlogd: ${SCAN}`,
  `sshd[7]: ${SCAN}`,
  `kernel: scanlogd: ${SCAN}`,
  `other-host scanlogd: ${SCAN}`,
  `xscanlogd: ${SCAN}`,
  `scanlogd-x: ${SCAN}`,
  `scanlogd: x ${SCAN}`,
  `scanlogd: ${SCAN} x`,
  `scanlogd: ${SCAN.replace("192.0.2.7", "host.example.org")}`,
  `scanlogd: ${SCAN.replace("192.0.2.7", "192.0.2.7.8")}`,
  `scanlogd: ${SCAN.replace("192.0.2.1", "host.example.org")}`,
  `scanlogd: ${SCAN.replace("22,", "222222,")}`,
  `scanlogd: ${SCAN.replace("..., ", "")}`,
  `scanlogd: ${SCAN.replace("fSrpauxy", "fSrpauxyz")}`,
  `scanlogd: ${SCAN.replace("fSrpauxy", "icmp")}`,
  `scanlogd: ${SCAN.replace("fSrpauxy", "xfSrpauy")}`,
  `scanlogd: ${SCAN.replace(" @06:40:13", "")}`,
  `scanlogd: ${SCAN.replace(" ports", " port")}`,
  `scanlogd: 31 sources in lockstep, likely ${SCAN.replace(" to", ", to")}`,
  `scanlogd: 2 port scans of 2 sources not logged: 192.0.2.7, 192.0.2.8`,
  `scanlogd: 2 port scans of 2 sources not logged: 192.0.2.7 (answered)`,
  `scanlogd: Not logged either: 192.0.2.7 (answered), 192.0.2.8 and 1 other`,
  `scanlogd: Not logged either: 192.0.2.7 (verified) x`,
  `sshd[7]: scanlogd: Not logged either: 192.0.2.7 (verified)`,
];

liveTest(
  "the fail2ban filter finds nothing in lines that are no scan",
  { tools: ["fail2ban-regex"] },
  async () => {
    assertEquals(await banned([FORMS[0](`scanlogd: ${SCAN}`)]), ["192.0.2.7"]);
    // Without a host, the name of another program must not pass for one.
    const hostless = [
      `Nov 22 18:05:51 sshd: scanlogd: ${SCAN}`,
      `Nov 22 18:05:51 sshd[7]: scanlogd: ${SCAN}`,
    ];
    const lines = FORMS.flatMap((form) => OTHERS.map(form));
    assertEquals(await banned([...lines, ...hostless]), []);
  },
);

liveTest(
  "fail2ban takes the jail, which nobody enables but the administrator",
  { root: true, tools: ["fail2ban-client"] },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    try {
      await run(["cp", "-rT", "/etc/fail2ban", folder]);
      await run(["cp", "-rT", `${ROOT}packaging/fail2ban`, folder]);
      await run(["rm", "-f", `${folder}/jail.d/defaults-debian.conf`]);
      const dump = () => run(["fail2ban-client", "-c", folder, "-d"]);
      assert(!(await dump()).includes("'add', 'scanlogd'"));
      await Deno.writeTextFile(
        `${folder}/jail.d/scanlogd.local`,
        `[scanlogd]\nenabled = true\nlogpath = ${folder}/jail.conf\n`,
      );
      const text = await dump();
      assert(text.includes("['add', 'scanlogd', 'auto']"), text);
      assert(text.includes("['set', 'scanlogd', 'maxretry', 1]"), text);
      assert(text.includes("udp|sctp"), text);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
