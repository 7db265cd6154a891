/** A server for scans to find: connect scans complete their handshakes with it. */

import type { Namespace } from "./namespaces.ts";
import type { Process } from "./processes.ts";

/** Listens on some ports and hangs up on whoever connects. */
const LISTEN = `
import selectors, socket, sys
events = selectors.DefaultSelector()
for port in sys.argv[1:]:
    events.register(socket.create_server(("", int(port))), selectors.EVENT_READ)
print("listening", file=sys.stderr, flush=True)
while True:
    for key, _ in events.select():
        try:
            key.fileobj.accept()[0].close()
        except OSError:
            pass  # The scanner has reset the connection.
`;

/** Listens in a namespace until the process is ended. */
export async function listen(
  host: Namespace,
  ports: readonly number[],
): Promise<Process> {
  const server = host.start(["python3", "-c", LISTEN, ...ports.map(String)]);
  await server.told("listening");
  return server;
}
