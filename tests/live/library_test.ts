/** The example with tcpdump and a web hook, as it would run on a host. */

import { assert, assertEquals } from "../assert.ts";
import {
  HOST,
  HOST_IPV6,
  SCANNER,
  SCANNER_IPV6,
  TwoHosts,
} from "./namespaces.ts";
import { eventually } from "./processes.ts";
import { liveTest } from "./require.ts";

const EXAMPLE = new URL("../../docs/examples/webhook.ts", import.meta.url);
const NEEDS = {
  root: true,
  tools: ["ip", "unshare", "nmap", "python3", "tcpdump"],
};

/** A web hook that prints when it was called, in milliseconds, and with what. */
const HOOK = `
import http.server, time
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        now = time.time() * 1000
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()
        print(now, body.decode(), flush=True)
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 8080), Hook)
print("listening", flush=True)
server.serve_forever()
`;

liveTest(
  "tcpdump's pipe and a web hook: scans arrive when they are due",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await using hook = two.host.start(["python3", "-c", HOOK]);
    await eventually(() => hook.stdout.length === 1, () => "the hook");
    await using watcher = two.host.start([
      ...[Deno.execPath(), "run", "--no-prompt", "--allow-run", "--allow-net"],
      ...["--allow-sys", "--allow-env", EXAMPLE.pathname],
    ]);
    await watcher.told("listening on any");
    const targets = [HOST, HOST_IPV6];
    for (const [i, target] of targets.entries()) {
      await two.scan(target, { ports: "1-100" });
      await eventually(
        () => hook.stdout.length > i + 1,
        () => [...hook.stdout, ...watcher.stderr].join("\n"),
        15_000,
      );
    }
    assertEquals(await watcher.stop(), 0, watcher.stderr.join("\n"));
    const calls = hook.stdout.slice(1).map((line) => {
      const [now, ...json] = line.split(" ");
      const event = JSON.parse(json.join(" "));
      return { event, delay: Number(now) - Date.parse(event.timestamp) };
    });
    assertEquals(
      calls.map(({ event }) => [event.src_ip, event.dest_ip]),
      [[SCANNER, HOST], [SCANNER_IPV6, HOST_IPV6]],
    );
    const delays = calls.map(({ delay }) => delay);
    console.log(`delays in ms: ${delays.map((ms) => ms.toFixed(0))}`);
    assert(Math.min(...delays) < 100, `${delays}`);
  },
);
