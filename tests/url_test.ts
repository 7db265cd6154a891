/**
 * From a URL: a script in an empty folder imports the library over HTTP and finds
 * a scan, under Deno with no permission but the import and the file, and bundled
 * into one file under Node; a strict project type-checks against it; the program
 * itself runs.
 */

import { assertEquals } from "./assert.ts";
import { requirement } from "./live/require.ts";
import { SCAN_LINE, SCAN_PORTS, scanFile } from "./packets.ts";

const ROOT = new URL("../", import.meta.url);

/**
 * Serves the checkout on loopback while the body runs.
 *
 * @param type What it says of TypeScript.
 */
async function withServer(
  body: (host: string) => Promise<void>,
  type = "application/typescript",
): Promise<void> {
  const types: Readonly<Record<string, string>> = {
    ts: type,
    js: "text/javascript",
    json: "application/json",
    css: "text/css",
  };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const ending = pathname.slice(pathname.lastIndexOf(".") + 1);
      try {
        const bytes = await Deno.readFile(new URL(`.${pathname}`, ROOT));
        const contentType = types[ending];
        return new Response(bytes, {
          headers: contentType === "" ? {} : { "content-type": contentType },
        });
      } catch {
        return new Response("", { status: 404 });
      }
    },
  );
  try {
    await body(`127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

/** An empty folder with a capture file in it, gone afterwards. */
async function withFolder(
  body: (folder: string, file: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    const file = `${folder}/scan.pcap`;
    await Deno.writeFile(file, scanFile(SCAN_PORTS));
    await body(folder, file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Outcome {
  success: boolean;
  out: string;
  err: string;
}

/** Runs a program in a folder; Deno keeps its caches there, too. */
async function run(
  program: string,
  folder: string,
  ...args: string[]
): Promise<Outcome> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: folder,
    env: {
      DENO_DIR: `${folder}/cache`,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
    },
    stdin: "null",
  }).output();
  const [out, err] = [stdout, stderr].map((b) => new TextDecoder().decode(b));
  return { success, out, err };
}

Deno.test("a script imports mod.ts over HTTP and finds a scan, under Deno", () =>
  withServer((host) =>
    withFolder(async (folder, file) => {
      await Deno.writeTextFile(
        `${folder}/script.ts`,
        `import { findScans, formatReport } from "http://${host}/mod.ts";
const file = await Deno.open(${JSON.stringify(file)});
for await (const report of findScans(file.readable)) {
  console.log(formatReport(report, { utc: true }));
}
`,
      );
      const { success, out, err } = await run(
        Deno.execPath(),
        folder,
        ...["run", "--no-config", "--no-prompt", "--check"],
        ...[`--allow-import=${host}`, `--allow-read=${file}`, "script.ts"],
      );
      assertEquals([success, out], [true, `${SCAN_LINE}\n`], err);
    })
  ));

const NODE_SCRIPT = (host: string) =>
  `import { createReadStream } from "node:fs";
import { findScans, formatReport } from "http://${host}/mod.ts";
for await (const report of findScans(createReadStream("scan.pcap"))) {
  console.log(formatReport(report, { utc: true }));
}
console.log("Deno" in globalThis);
`;

const node = requirement({ tools: ["node"] });

Deno.test({
  name: "the same, bundled into one file, finds it under Node" +
    (node.ignore ? ` (skipped: ${node.reason})` : ""),
  ignore: node.ignore,
  fn: () =>
    withServer((host) =>
      withFolder(async (folder) => {
        await Deno.writeTextFile(`${folder}/script.ts`, NODE_SCRIPT(host));
        // The first time, this fetches esbuild from the npm registry.
        const bundled = await run(
          Deno.execPath(),
          folder,
          ...["bundle", "--no-config", `--allow-import=${host}`],
          ...["--output=bundle.mjs", "script.ts"],
        );
        assertEquals(bundled.success, true, bundled.err);
        await Deno.remove(`${folder}/cache`, { recursive: true });
        const { success, out, err } = await run("node", folder, "bundle.mjs");
        assertEquals([success, out], [true, `${SCAN_LINE}\nfalse\n`], err);
      })
    ),
});

/** Media types of `.ts`, and whether Deno takes them; docs/library.md names them. */
const MEDIA_TYPES: readonly [type: string, isTaken: boolean][] = [
  ["text/typescript", true],
  ["text/plain", true],
  ["application/octet-stream", true],
  ["video/mp2t", true],
  ["", true],
  ["text/vnd.trolltech.linguist", false],
];

for (const [type, isTaken] of MEDIA_TYPES) {
  Deno.test(`a server that says "${type}" of .ts ${isTaken ? "will" : "won't"} do`, () =>
    withServer((host) =>
      withFolder(async (folder) => {
        const { success, err } = await run(
          Deno.execPath(),
          folder,
          ...["run", "--no-config", "--no-prompt", `--allow-import=${host}`],
          `http://${host}/mod.ts`,
        );
        assertEquals(success, isTaken, err);
      }), type));
}

/** What a strict project may write; nothing of it is run. */
const STRICT_SCRIPT = (host: string) =>
  `import {
  CaptureFileError, Detector, type DetectorOptions, findScans, formatJson,
  formatReport, Packet, type Report, type ReportEvent, Segment, toEvent,
} from "http://${host}/mod.ts";
import { parseAddress, TCP_SYN } from "http://${host}/library/packet.ts";
import type { PortScanEvent } from "http://${host}/library/format.ts";
import { SavefileReader } from "http://${host}/library/savefile.ts";
import { gunzip, ScanStream, systemClock } from "http://${host}/library/web.ts";

const options: DetectorOptions = { minPorts: 3, home: ["192.0.2.0/24"] };
const reports: Report[] = [];
const detector = new Detector((report) => reports.push(report), options);
detector.reconfigure({ logBurst: 0 });
detector.segment(Segment.from({
  source: "192.0.2.1", destination: "192.0.2.2", sourcePort: 1,
  destinationPort: 2, flags: TCP_SYN, time: 0,
}));
const reader = new SavefileReader((packet) => detector.packet(packet));
reader.push(new Uint8Array());
detector.packet(Packet.from({ bytes: new Uint8Array(), linkType: 1, time: 0 }));
const file: ReadableStream<Uint8Array> = new Blob().stream();
const scans = findScans(gunzip(file), {
  ...options, live: systemClock, signal: AbortSignal.timeout(1),
});
export const ports: number[] = [];
try {
  for await (const report of scans) {
    const event: ReportEvent = toEvent(report, { host: "a" });
    if ("src_ip" in event) console.log(event.src_ip, formatJson(report));
    if (report.type === "scan") {
      const port: number | undefined = report.sourcePort;
      if (port !== undefined) ports.push(port);
    }
  }
} catch (error) {
  if (error instanceof CaptureFileError) console.log(error.offset);
}
const [first] = reports;
if (first !== undefined) formatReport(first, { utc: true });
// @ts-expect-error it may be missing
reports[0].type;
// @ts-expect-error strict projects leave out what is not known
export const event: Partial<PortScanEvent> = { src_port: undefined };
// @ts-expect-error there is no such option
findScans(file, { minPort: 3 });
file.pipeThrough(new ScanStream()).getReader();
parseAddress("192.0.2.1");
`;

Deno.test("a strict project type-checks against the library", () =>
  withServer((host) =>
    withFolder(async (folder) => {
      const compilerOptions = {
        strict: true,
        noUncheckedIndexedAccess: true,
        exactOptionalPropertyTypes: true,
        noImplicitOverride: true,
        noPropertyAccessFromIndexSignature: true,
      };
      await Deno.writeTextFile(
        `${folder}/deno.json`,
        JSON.stringify({ compilerOptions }),
      );
      await Deno.writeTextFile(`${folder}/script.ts`, STRICT_SCRIPT(host));
      const { success, err } = await run(
        Deno.execPath(),
        folder,
        ...["check", `--allow-import=${host}`, "script.ts"],
      );
      assertEquals(success, true, err);
    })
  ));

Deno.test("the program runs from a URL", () =>
  withServer((host) =>
    withFolder(async (folder, file) => {
      const { success, out, err } = await run(
        Deno.execPath(),
        folder,
        ...["run", "--no-prompt", `--allow-import=${host}`],
        ...["--allow-ffi", "--allow-read", "--quiet"],
        `--import-map=http://${host}/deno.json`,
        ...[`http://${host}/main.ts`, "--read", file, "-o", "stdout"],
        ...["--utc", "--trial"],
      );
      assertEquals([success, out], [true, `${SCAN_LINE}\n`], err);
    })
  ));
