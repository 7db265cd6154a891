/**
 * Browsers, their servers, and the datagrams of QUIC.
 *
 * @module
 */

import { assert, assertEquals } from "../assert.ts";
import type { Site } from "./innocent_site.ts";
import { type Figures, perform, serve } from "./innocent_python.ts";
import type { Innocent } from "./innocent_watchers.ts";
import { HOST, type Namespace, SCANNER } from "./namespaces.ts";
import { run } from "./processes.ts";

const TOOLS = ["nginx", "curl", "openssl"];
const ORIGINS = ["http:80", "https:443", "http:8080"].map((text) =>
  text.split(":")
);

/** Starts a web server; whoever fetches /slow gets 10 kB a second. */
async function startServer(site: Site, host: Namespace): Promise<void> {
  const { folder } = site;
  await run([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"],
    ...["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=test"],
    ...["-keyout", `${folder}/key.pem`, "-out", `${folder}/certificate.pem`],
  ]);
  await Deno.mkdir(`${folder}/web`);
  await Deno.writeTextFile(`${folder}/web/page`, "Hello.\n".repeat(500));
  await Deno.writeFile(`${folder}/web/slow`, new Uint8Array(1_000_000));
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    `pid ${folder}/nginx.pid;
     error_log stderr notice;
     daemon off;
     user root;
     events { worker_connections 4096; }
     http {
       access_log off;
       root ${folder}/web;
       keepalive_timeout 1s;
       reset_timedout_connection on;
       server {
         listen 80;
         listen 8080;
         listen 443 ssl http2;
         ssl_certificate ${folder}/certificate.pem;
         ssl_certificate_key ${folder}/key.pem;
         location /slow { limit_rate 10k; }
       }
     }`,
  );
  const config = `${folder}/nginx.conf`;
  await site.start(host, ["nginx", "-c", config], "start worker process");
}

/** Fetches 50 times from each port at once, as a page with many parts does. */
async function fetchPages(
  site: Site,
  from: Namespace,
  server: string,
  version: string,
): Promise<number> {
  let pages = 0;
  for (const [scheme, port] of ORIGINS) {
    const text = await site.finish(from, [
      ...["curl", "-ksS", "--parallel", "--parallel-immediate"],
      ...["--parallel-max", "50", version, "-o", "/dev/null"],
      ...["-w", "%{http_code}\n"],
      `${scheme}://${server}:${port}/page?[1-50]`,
    ]);
    const codes = text.split("\n").filter((line) => line !== "");
    assertEquals(codes, Array(50).fill("200"));
    pages += 50;
  }
  return pages;
}

/** Starts 50 downloads and gives up on them while they run. */
async function abandonDownloads(
  site: Site,
  from: Namespace,
  server: string,
): Promise<void> {
  await site.finish(from, [
    ...["sh", "-c", '"$@" || test $? = 28', "sh"],
    ...["curl", "-ks", "--parallel", "--parallel-immediate"],
    ...["--parallel-max", "50", "--max-time", "2", "-o", "/dev/null"],
    `http://${server}:8080/slow?[1-50]`,
  ]);
}

async function browse(
  site: Site,
  from: Namespace,
  server: string,
): Promise<Figures> {
  let pages = 0;
  let abandoned = 0;
  const end = performance.now() + 20_000;
  while (performance.now() < end) {
    for (const version of ["--http1.1", "--http2"]) {
      pages += await fetchPages(site, from, server, version);
    }
    await abandonDownloads(site, from, server);
    abandoned += 50;
  }
  return { pages, abandoned };
}

/** Answers each datagram with two, the last ones three seconds late. */
const QUIC_SERVER = `
async def main():
    loop = asyncio.get_running_loop()
    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport
        def datagram_received(self, data, address):
            for delay in (0, 0.02, 3, 3.1, 3.2):
                loop.call_later(delay, self.transport.sendto, data, address)
    await loop.create_datagram_endpoint(Server, sock=udp("", 443))
    ready()
    await asyncio.Event().wait()

asyncio.run(main())
`;

/** Opens flows, each with a socket of its own, and closes them after the answer. */
const QUIC_CLIENT = `
server, flows = args[0], int(args[1])
answers = 0
for flow in range(flows):
    s = udp()
    s.settimeout(2)
    s.connect((server, 443))
    s.send(b"\\xc0\\0\\0\\0\\1" + os.urandom(1195))
    answers += len(s.recv(2000)) == 1200
    s.close()
    time.sleep(0.05)
time.sleep(4)
told(flows=flows, answers=answers)
`;

async function useQuic(
  site: Site,
  from: Namespace,
  server: string,
): Promise<Figures> {
  const figures = await perform(site, from, QUIC_CLIENT, server, 200);
  assert(figures.answers === 200, JSON.stringify(figures));
  return figures;
}

export const WEB: readonly Innocent[] = [
  {
    name: "browsers, 50 connections at once, host is the server",
    tools: TOOLS,
    atLeast: { accepted: 500 },
    prepare: (site) => startServer(site, site.host),
    run: (site) => browse(site, site.peer, HOST),
  },
  {
    name: "browsers, 50 connections at once, host is the client",
    tools: TOOLS,
    atLeast: { opened: 500 },
    prepare: (site) => startServer(site, site.peer),
    run: (site) => browse(site, site.host, SCANNER),
  },
  {
    name: "200 QUIC flows, host is the server",
    tools: [],
    atLeast: { datagrams: 200 },
    prepare: (site) => serve(site, site.host, QUIC_SERVER),
    run: (site) => useQuic(site, site.peer, HOST),
  },
  {
    name: "200 QUIC flows and late datagrams, host is the client",
    tools: [],
    atLeast: { datagrams: 200, strays: 600, unreachables: 10 },
    prepare: (site) => serve(site, site.peer, QUIC_SERVER),
    run: (site) => useQuic(site, site.host, SCANNER),
  },
];
