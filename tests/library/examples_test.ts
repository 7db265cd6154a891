/**
 * The programs in docs/examples: as they stand in docs/library.md, under Deno,
 * and bundled into one file under Node.
 */

import { assert, assertEquals } from "../assert.ts";
import { eventually } from "../live/processes.ts";
import { requirement } from "../live/require.ts";
import { SCAN_PORTS } from "../packets.ts";
import { asked, capture, records } from "./live_capture.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const EXAMPLES = `${ROOT}docs/examples`;
const CAPTURES = `${ROOT}tests/data/captures`;
const NAMES = ["tally.ts", "webhook.ts", "threshold_test.ts"] as const;

/** What each needs of Deno; the page says it, too. */
const COMMANDS: Readonly<Record<string, string>> = {
  "tally.ts": "run --allow-read",
  "webhook.ts": "run --allow-run --allow-net --allow-sys --allow-env",
  "threshold_test.ts": "test",
};

const ENVIRONMENT = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };

Deno.test("docs/library.md shows the examples as they are", () => {
  const page = Deno.readTextFileSync(`${ROOT}docs/library.md`);
  for (const name of NAMES) {
    const text = Deno.readTextFileSync(`${EXAMPLES}/${name}`);
    assert(page.includes("```ts ignore\n" + text + "```\n"), name);
    assert(page.includes(`${COMMANDS[name]} docs/examples/${name}`), name);
  }
});

/** How to run an example. */
interface Platform {
  readonly name: string;
  readonly ignore: boolean;
  /** The command that runs an example; its bundle is made in the folder. */
  command(example: string, folder: string): Promise<string[]>;
  /** The same for an example that holds tests. */
  test(example: string, folder: string): Promise<string[]>;
}

const node = requirement({ tools: ["node"] });

function underDeno(example: string): Promise<string[]> {
  return Promise.resolve([
    ...[Deno.execPath(), ...COMMANDS[example].split(" "), "--no-prompt"],
    `${EXAMPLES}/${example}`,
  ]);
}

const PLATFORMS: readonly Platform[] = [{
  name: "under Deno",
  ignore: false,
  command: underDeno,
  test: underDeno,
}, {
  name: "bundled, under Node" +
    (node.ignore ? ` (skipped: ${node.reason})` : ""),
  ignore: node.ignore,
  command: async (example, folder) => ["node", await bundle(example, folder)],
  test: async (example, folder) => [
    ...["node", "--test", await bundle(example, folder)],
  ],
}];

/** Makes one file of an example; returns its path. */
async function bundle(example: string, folder: string): Promise<string> {
  const path = `${folder}/${example.replace(".ts", ".mjs")}`;
  // The first time, this fetches esbuild from the npm registry.
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", `--output=${path}`, `${EXAMPLES}/${example}`],
    cwd: ROOT,
    env: ENVIRONMENT,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return path;
}

/** Runs to the end. */
async function run(
  [program, ...args]: string[],
): Promise<{ success: boolean; out: string; err: string }> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: ROOT,
    env: ENVIRONMENT,
    stdin: "null",
  }).output();
  const [out, err] = [stdout, stderr].map((b) => new TextDecoder().decode(b));
  return { success, out, err };
}

/** A folder that is gone afterwards. */
class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "scanlogd-test-" });

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

for (const platform of PLATFORMS) {
  const { ignore } = platform;

  Deno.test({
    name:
      `tally.ts counts over a directory, damaged files too, ${platform.name}`,
    ignore,
    fn: async () => {
      await using folder = new Folder();
      const captures = `${folder.path}/captures`;
      await Deno.mkdir(captures);
      for (
        const name of [
          "raw-ipv4.pcap",
          "raw-ipv6.pcap",
          "gzip-ethernet.pcap.gz",
          "dumpcap.pcapng",
        ]
      ) await Deno.copyFile(`${CAPTURES}/${name}`, `${captures}/${name}`);
      const whole = await Deno.readFile(`${CAPTURES}/vlan-802.1q.pcap`);
      const cut = whole.subarray(0, -1);
      await Deno.writeFile(`${captures}/cut.pcap`, cut);
      await Deno.writeTextFile(`${captures}/notes.txt`, "no capture");
      const command = await platform.command("tally.ts", folder.path);
      const { success, out, err } = await run([...command, captures]);
      assertEquals(success, true, err);
      assertEquals(out.trimEnd().split("\n"), [
        "192.0.2.1: 4 scans, 7 ports",
        "2001:db8:0:1::7: 2 scans, 7 ports",
      ]);
      assertEquals(err.trimEnd().split("\n").length, 1, err);
      assert(err.startsWith("cut.pcap: the file is cut off in a"), err);
    },
  });

  Deno.test({
    name: `threshold_test.ts passes, ${platform.name}`,
    ignore,
    fn: async () => {
      await using folder = new Folder();
      const command = await platform.test("threshold_test.ts", folder.path);
      const { success, out, err } = await run(command);
      assertEquals(success, true, out + err);
    },
  });

  Deno.test({
    name:
      `webhook.ts posts what is due, though its pipe falls silent, ${platform.name}`,
    ignore: ignore || Deno.build.os === "windows",
    fn: async () => {
      await using folder = new Folder();
      const hook = new Hook();
      const pipe = `${folder.path}/pipe`;
      await run(["mkfifo", pipe]);
      const [program, ...args] = await platform.command(
        "webhook.ts",
        folder.path,
      );
      await using process = new Deno.Command(program, {
        args: [...args, hook.url, "cat", pipe],
        cwd: ROOT,
        env: ENVIRONMENT,
        stderr: "piped",
      }).spawn();
      const file = await Deno.open(pipe, { write: true });
      const delays: number[] = [];
      for (let i = 1; i <= SCANS; i++) {
        const scan = asked(`192.0.2.${i}`, SCAN_PORTS, i * 1000, "127.0.0.1");
        await file.write(i === 1 ? capture(scan) : records(scan));
        const written = performance.now();
        await eventually(
          () => hook.events.length === i,
          () => `event ${i} of ${JSON.stringify(hook.events)}`,
        );
        delays.push(hook.arrivals[i - 1] - written);
      }
      assertEquals(
        hook.events.map(({ event_type, src_ip }) => [event_type, src_ip]),
        Array.from({ length: SCANS }, (_, i) => [
          ...["portscan", `192.0.2.${i + 1}`],
        ]),
      );
      process.kill("SIGTERM");
      const { code, stderr } = await process.output();
      file.close();
      await hook.close();
      assertEquals(
        [code, new TextDecoder().decode(stderr).trimEnd()],
        [0, `${SCANS * SCAN_PORTS.length} packets, ${SCANS} reports`],
      );
      // All are due 5 ms after they were written. A machine may be busy, but not
      // each time.
      console.log(`delays in ms: ${delays.map((ms) => ms.toFixed(1))}`);
      assert(Math.min(...delays) < 100, `${delays}`);
    },
  });
}

/** As many as the flood limit lets through. */
const SCANS = 5;

/** A web hook that remembers what it was told, and when. */
class Hook {
  readonly events: { event_type: string; src_ip: string }[] = [];
  readonly arrivals: number[] = [];
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      this.arrivals.push(performance.now());
      this.events.push(await request.json());
      return new Response();
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  close(): Promise<void> {
    return this.#server.shutdown();
  }
}
