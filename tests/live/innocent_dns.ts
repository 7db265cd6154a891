/**
 * A resolver that asks a slow server, gives up, and is answered after all.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Site } from "./innocent_site.ts";
import { type Figures, perform, serve } from "./innocent_python.ts";
import type { Innocent } from "./innocent_watchers.ts";
import { HOST, SCANNER } from "./namespaces.ts";
import { pause } from "./processes.ts";

const TOOLS = ["unbound"];

/** A name server whose every third answer is seconds late. */
const NAME_SERVER = `
import select, heapq
s = udp("", 53)
waiting = []
ready()
while True:
    timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    if select.select([s], [], [], timeout)[0]:
        query, address = s.recvfrom(2000)
        end = query.index(b"\\0", 12) + 5
        answer = (query[:2] + b"\\x85\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + query[12:end]
            + b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\0\\0\\4\\xc0\\0\\2\\1")
        delay = random.choice((0, 0, random.uniform(1, 6)))
        heapq.heappush(waiting, (time.monotonic() + delay, answer, address))
    while waiting and waiting[0][0] <= time.monotonic():
        _, answer, address = heapq.heappop(waiting)
        s.sendto(answer, address)
`;

/** Asks for another name each time, and does not wait for the answer long. */
const STUB = `
server, seconds, rate = args[0], float(args[1]), int(args[2])
end = time.monotonic() + seconds
queries = answers = 0
open_sockets = []
def close_one():
    global answers
    s = open_sockets.pop(0)
    try:
        answers += s.recv(2000, socket.MSG_DONTWAIT)[3] & 15 == 0
    except OSError:
        pass
    s.close()
while time.monotonic() < end:
    s = udp()
    s.connect((server, 53))
    name = b"%c%s" % (12, os.urandom(6).hex().encode())
    try:
        s.send(os.urandom(2) + b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + name
            + b"\\4site\\0\\0\\1\\0\\1")
        queries += 1
    except OSError:
        pass  # The resolver is being restarted.
    open_sockets.append(s)
    if len(open_sockets) > rate:
        close_one()
    time.sleep(1 / rate)
while open_sockets:
    close_one()
told(queries=queries, answers=answers)
`;

async function startResolver(site: Site): Promise<() => Promise<void>> {
  const path = `${site.folder}/unbound.conf`;
  await Deno.writeTextFile(
    path,
    `server:
  username: ""
  chroot: ""
  directory: "${site.folder}"
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  logfile: ""
  verbosity: 1
  interface: 0.0.0.0
  access-control: 0.0.0.0/0 allow
  module-config: "iterator"
  outgoing-range: 4000
  num-queries-per-thread: 2000
forward-zone:
  name: "."
  forward-addr: ${SCANNER}
remote-control:
  control-enable: no
`,
  );
  const start = () =>
    site.start(site.host, ["unbound", "-d", "-c", path], "start of service");
  let resolver = await start();
  return async () => {
    await resolver.stop("SIGKILL");
    resolver = await start();
  };
}

const restarts = new WeakMap<Site, () => Promise<void>>();

async function prepare(site: Site): Promise<void> {
  await serve(site, site.peer, NAME_SERVER);
  restarts.set(site, await startResolver(site));
}

async function resolve(site: Site): Promise<Figures> {
  const remote = perform(site, site.peer, STUB, HOST, 50, 20);
  const local = perform(site, site.host, STUB, "127.0.0.1", 50, 40);
  remote.catch(() => {});
  local.catch(() => {});
  for (let restart = 0; restart < 3; restart++) {
    await pause(12_000);
    await restarts.get(site)!();
  }
  const all = [await remote, await local];
  const sum = (name: string) =>
    all.reduce((sum, figures) => sum + figures[name], 0);
  const figures = { queries: sum("queries"), answers: sum("answers") };
  assert(figures.queries >= 2_000, JSON.stringify(figures));
  assert(figures.answers >= 500, JSON.stringify(figures));
  return figures;
}

export const DNS: readonly Innocent[] = [
  {
    name: "DNS: 2000 queries, late answers to a resolver, restarted 3 times",
    tools: TOOLS,
    atLeast: { strays: 300, unreachables: 20 },
    prepare,
    run: resolve,
  },
];
