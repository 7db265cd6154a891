import { formatTime, parseCommandLine } from "../../daemon/command_line.ts";
import { captureKind } from "../../daemon/combinations.ts";
import { Failure } from "../../daemon/failure.ts";
import { OPTIONS } from "../../daemon/options.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

/** Command lines, split at spaces, and the message that refuses them. */
const REFUSED: Record<string, string> = {
  "--min-ports 1": '--min-ports must be an integer from 2 to 100, got "1"',
  "--min-ports 101": '--min-ports must be an integer from 2 to 100, got "101"',
  "--min-ports 7.5": '--min-ports must be an integer from 2 to 100, got "7.5"',
  "--min-ports 0x7": '--min-ports must be an integer from 2 to 100, got "0x7"',
  "--min-ports=-7": '--min-ports must be an integer from 2 to 100, got "-7"',
  "--min-ports many":
    '--min-ports must be an integer from 2 to 100, got "many"',
  "--min-ports": "--min-ports needs a value",
  "--min-ports=": "--min-ports needs a value",
  "--privileged-weight 0":
    '--privileged-weight must be an integer from 1 to 255, got "0"',
  "--privileged-weight 256":
    '--privileged-weight must be an integer from 1 to 255, got "256"',
  "--high-weight 0": '--high-weight must be an integer from 1 to 255, got "0"',
  "--high-weight 4":
    '--high-weight must be at most --privileged-weight (3), got "4"',
  "--privileged-weight 5 --high-weight 6":
    '--high-weight must be at most --privileged-weight (5), got "6"',
  "--scan-delay 0":
    '--scan-delay must be a time in ms, s, m, h or d such as 3s from 1ms to 24h, got "0"',
  "--scan-delay 25h":
    '--scan-delay must be a time in ms, s, m, h or d such as 3s from 1ms to 24h, got "25h"',
  "--scan-delay 3d":
    '--scan-delay must be a time in ms, s, m, h or d such as 3s from 1ms to 24h, got "3d"',
  "--scan-delay 1.0005s":
    '--scan-delay must be a time in ms, s, m, h or d such as 3s from 1ms to 24h, got "1.0005s"',
  "--log-delay soon":
    '--log-delay must be a time in ms, s, m, h or d such as 3s from 1ms to 24h, got "soon"',
  "--log-burst=-1":
    '--log-burst must be an integer from 0 to 1000000, got "-1"',
  "--sources 15": '--sources must be an integer from 16 to 1048576, got "15"',
  "--ipv6-prefix 129":
    '--ipv6-prefix must be an integer from 1 to 128, got "129"',
  "--max-line 9000": '--max-line must be an integer from 0 to 8192, got "9000"',
  "--capture fast":
    '--capture must be one of raw, pcap, nids, auto, got "fast"',
  "--output loud":
    '--output must be one of syslog, stdout, json, ecs, probes, summary, file:PATH, json:PATH, ecs:PATH, probes:PATH, html:PATH, unix:PATH, got "loud"',
  "--output syslog,loud":
    '--output must be one of syslog, stdout, json, ecs, probes, summary, file:PATH, json:PATH, ecs:PATH, probes:PATH, html:PATH, unix:PATH, got "loud"',
  "--output syslog,": "--output needs a value",
  "--level loud":
    '--level must be one of emerg, alert, crit, err, warning, notice, info, debug, got "loud"',
  "--user=": "--user needs a value",
  // An empty argument, as of an unset variable in quotes.
  "--home ": "--home needs a value",
  "-r ": "--read needs a value",
  "--ident a\nb":
    '--ident must be 1 to 32 letters, digits, or any of ._/-, got "a\\nb"',
  [`--ident ${"a".repeat(33)}`]:
    `--ident must be 1 to 32 letters, digits, or any of ._/-, got "${
      "a".repeat(33)
    }"`,
  "--ident a:":
    '--ident must be 1 to 32 letters, digits, or any of ._/-, got "a:"',
  "--ident a[7]":
    '--ident must be 1 to 32 letters, digits, or any of ._/-, got "a[7]"',
  "--output html:page":
    "--output html:page needs --read: a page is written once capture files are read",
  "--read": "--read needs a value",
  "--ignore home":
    '--ignore must be an address or a network such as 192.0.2.0/24, got "home"',
  "--ignore 192.0.2.1,192.0.2.256":
    '--ignore must be an address or a network such as 192.0.2.0/24, got "192.0.2.256"',
  "--ignore 192.0.2.0/33":
    '--ignore must be an address or a network such as 192.0.2.0/24, got "192.0.2.0/33"',
  "--ignore 2001:db8::/129":
    '--ignore must be an address or a network such as 192.0.2.0/24, got "2001:db8::/129"',
  "--home here":
    '--home must be an address or a network such as 192.0.2.0/24, got "here"',
  "--home 192.0.2.0/24,": "--home needs a value",
  "--slow-window 721h":
    '--slow-window must be a time in ms, s, m, h or d such as 3s from 0ms to 720h, got "721h"',
  "--slow-window=-1":
    '--slow-window must be a time in ms, s, m, h or d such as 3s from 0ms to 720h, got "-1"',
  "--classic --home 192.0.2.1": "--home does not go with --classic",
  "--classic --slow-window 1h": "--slow-window does not go with --classic",
  "--summary --classic": "--summary does not go with --classic",
  "--outgoing --classic": "--outgoing does not go with --classic",
  "--outgoing -c nids":
    "--outgoing does not go with --capture nids, which sees only what comes; use --capture raw or pcap",
  "--outgoing -r -":
    "--outgoing needs --home with --read: name the hosts whose scans are outgoing, such as --home 192.0.2.0/24",
  "--utc=yes": '--utc takes no value but true or false, got "--utc=yes"',
  "-p07": '--promiscuous takes no value but true or false, got "7"',
  "-pv-1200": '--promiscuous takes no value but true or false, got "v-1200"',
  "-vp=no": '--promiscuous takes no value but true or false, got "-vp=no"',
  "-i !":
    '--interface must be a name such as eth0, as "ip link" shows it, or a pattern such as eth*, got "!"',
  "-i a/b":
    '--interface must be a name such as eth0, as "ip link" shows it, or a pattern such as eth*, got "a/b"',
  "--interface lo,!sixteencharacter":
    '--interface must be a name such as eth0, as "ip link" shows it, or a pattern such as eth*, got "!sixteencharacter"',
  "--min-ports -3": '--min-ports must be an integer from 2 to 100, got "-3"',
  "-r x --scan-delay -1s":
    '--scan-delay must be a time in ms, s, m, h or d such as 3s from 1ms to 24h, got "-1s"',
  "-3": "unknown option -3; --help lists all options",
  "-r a -- b": 'unexpected argument "b"; to read a capture file, use --read b',
  "--min-port 7":
    "unknown option --min-port; did you mean --min-ports? --help lists all options",
  "--interfaces=eth0":
    "unknown option --interfaces; did you mean --interface? --help lists all options",
  "-x": "unknown option -x; --help lists all options",
  "trace.pcap":
    'unexpected argument "trace.pcap"; to read a capture file, use --read trace.pcap',
  "-r - -i eth0": "--interface does not go with --read",
  "-r - -c raw": "--capture does not go with --read",
  "-r - -p": "--promiscuous does not go with --read",
  "--slow-window 1000d":
    '--slow-window must be a time in ms, s, m, h or d such as 3s from 0ms to 720h, got "1000d"',
  "--user a -u b": '--user takes one value, got 2: "a", "b"',
  "--min-ports 7 --min-ports=7": '--min-ports takes one value, got 2: "7", "7"',
};

for (const [line, message] of Object.entries(REFUSED)) {
  Deno.test(`"${line}" is refused: ${message}`, () => {
    const { message: actual } = assertThrows(
      () => parseCommandLine(line.split(" ")),
      Failure,
    );
    assertEquals(actual, message);
  });
}

Deno.test("without arguments every option has its default", () => {
  const options = parseCommandLine([]);
  assertEquals(options.given.size, 0);
  assertEquals(options["min-ports"], 7);
  assertEquals(options["privileged-weight"], 3);
  assertEquals(options["high-weight"], 1);
  assertEquals(options["scan-delay"], 3000);
  assertEquals(options["log-delay"], 20_000);
  assertEquals(options["syslog-socket"], "/dev/log");
  assertEquals(options.user, "scanlogd");
  assertEquals(options.chroot, "/var/empty");
  assertEquals(options.interface, []);
  assertEquals(options.read, undefined);
  assertEquals(options.classic, false);
  assertEquals(options.home, []);
  assertEquals(options["slow-window"], 86_400_000);
  assertEquals(options.summary, false);
});

Deno.test("a slow window of 0 is one: it switches slow scans off", () => {
  assertEquals(parseCommandLine(["--slow-window", "0"])["slow-window"], 0);
});

Deno.test("a shared configuration may have what --classic makes useless", () => {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, 'home = "192.0.2.0/24"\nsummary = true\n');
  const options = parseCommandLine(["--classic", "--config", path]);
  assertEquals([options.classic, options.home], [true, ["192.0.2.0/24"]]);
  Deno.removeSync(path);
});

Deno.test("a flag is switched off against the configuration file", () => {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(
    path,
    "classic = true\nutc = true\npromiscuous = true\n",
  );
  const options = parseCommandLine([
    ...["--classic=false", "-q=true", "-p=false", "--config", path],
  ]);
  assertEquals(
    [options.classic, options.utc, options.quiet, options.promiscuous],
    [false, true, true, false],
  );
  assertEquals([...options.given].sort(), ["config", "quiet", "utc"]);
  assertEquals(
    parseCommandLine(["-p", "--promiscuous=false"]).promiscuous,
    false,
  );
  Deno.removeSync(path);
});

Deno.test("paths have commas, and may be given more than once", () => {
  const { read } = parseCommandLine(["-r", "a,b", "--read=c"]);
  assertEquals(read, ["a,b", "c"]);
});

Deno.test("a time may be in days", () => {
  assertEquals(
    parseCommandLine(["--slow-window=7d"])["slow-window"],
    604_800_000,
  );
});

Deno.test("a blank may stand behind the comma of a list", () => {
  const { ignore } = parseCommandLine(["--ignore", "10.0.0.0/8,  192.0.2.7"]);
  assertEquals(ignore, ["10.0.0.0/8", "192.0.2.7"]);
});

Deno.test("what was given is told from what is a default", () => {
  const { given } = parseCommandLine([
    ..."--user scanlogd -q -i lo".split(" "),
  ]);
  assertEquals([...given].sort(), ["interface", "quiet", "user"]);
});

Deno.test("each short letter means its long name", () => {
  const shorts = Object.entries(OPTIONS).flatMap(([name, spec]) =>
    "short" in spec ? [[name, spec.short, spec.kind]] : []
  );
  assert(shorts.length > 5);
  const emptyFile = Deno.makeTempFileSync();
  for (const [name, short, kind] of shorts) {
    // "raw" is a value that every option with a text takes.
    const args = kind === "flag" ? [`-${short}`] : [`-${short}`, "raw"];
    if (name === "output") args[1] = "stdout";
    if (name === "config") args[1] = emptyFile;
    const { given } = parseCommandLine(args);
    assertEquals<string[]>([...given], [name]);
  }
  Deno.removeSync(emptyFile);
});

Deno.test("lists are repeated, or separated by commas", () => {
  const args =
    "-i eth0 --interface=eth1,eth2 --ignore 10.0.0.0/8,::1 --home 192.0.2.1 --home 192.0.2.2";
  const options = parseCommandLine(args.split(" "));
  assertEquals(options.interface, ["eth0", "eth1", "eth2"]);
  assertEquals(options.ignore, ["10.0.0.0/8", "::1"]);
  assertEquals(options.home, ["192.0.2.1", "192.0.2.2"]);
});

Deno.test("a lone dash is a file name, behind the long name and the short one", () => {
  for (const args of [["--read", "-"], ["--read=-"], ["-r", "-"]]) {
    assertEquals(parseCommandLine(args).read, ["-"]);
  }
});

Deno.test("times have units, seconds without one", () => {
  const times = {
    "3": 3000,
    "3s": 3000,
    "0.5": 500,
    "1.25s": 1250,
    "500ms": 500,
    "2m": 120_000,
    "24h": 86_400_000,
  };
  for (const [text, expected] of Object.entries(times)) {
    const options = parseCommandLine(["--scan-delay", text]);
    assertEquals(options["scan-delay"], expected, text);
  }
});

Deno.test("times are written in the largest unit that needs no fraction", () => {
  assertEquals(
    [1, 999, 1000, 1500, 60_000, 90_000, 120_000, 3_600_000, 86_400_000].map(
      formatTime,
    ),
    ["1ms", "999ms", "1s", "1500ms", "60s", "90s", "2m", "1h", "24h"],
  );
});

Deno.test("the capture is raw on Linux and libpcap's elsewhere", () => {
  const kind = (...args: string[]) => captureKind(parseCommandLine(args));
  const auto = Deno.build.os === "linux" ? "raw" : "pcap";
  assertEquals(kind(), auto);
  assertEquals(kind("-c", "auto"), auto);
  assertEquals(kind("-c", "raw"), "raw");
  assertEquals(kind("-c", "pcap"), "pcap");
  assertEquals(kind("-c", "nids"), "nids");
});
