import fc from "fast-check";
import { formatReport } from "../../format/line.ts";
import { assert, assertEquals } from "../assert.ts";
import { run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";
import * as reports from "../format/reports.ts";
import { FURTHER, OTHERS, SCAN } from "./lines.ts";

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
  "the fail2ban filter bans for no decoys, no network, no end of a scan, and none of ours",
  { tools: ["fail2ban-regex"] },
  async () => {
    const silent = fc.oneof(
      ...[reports.decoys, reports.sharedOut, reports.end, reports.outgoing],
    );
    const lines = fc.sample(silent, 500).flatMap((one, i) =>
      formatReport(one, { maxLine: i % 2 ? 0 : 120 }).split("\n")
    ).map((line) => FORMS[0](`scanlogd: ${line}`));
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
