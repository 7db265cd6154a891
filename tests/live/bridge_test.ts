/**
 * A bridge passes on what it is sent, whatever sender that names: it is not
 * taken for what this host itself sends.
 */

import { assertEquals } from "../assert.ts";
import { concat, ipv4, tcp } from "../packets.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { listen } from "./listener.ts";
import { addAddress, connect, HOST, Namespace, SCANNER } from "./namespaces.ts";
import { eventually } from "./processes.ts";
import { liveTest } from "./require.ts";

const PROBE = new URL("direction_probe.ts", import.meta.url).pathname;
const OPEN = 80;
const SYN_ACK = 0x12;
/** Nobody's: a bridge floods it to all its ports. */
const UNKNOWN_MAC = [0x02, 0, 0, 0, 0, 0x99];
const THIRD_PARTY = "198.51.100.9";
const FORGED = 5;

/** A host whose bridge joins a scanner and a guest. */
async function makeBridge(
  host: Namespace,
  scanner: Namespace,
  guest: Namespace,
): Promise<void> {
  await host.run(["ip", "link", "add", "br0", "type", "bridge"]);
  await connect(
    { host: scanner, addresses: [`${SCANNER}/24`] },
    { host, name: "port0", addresses: [] },
  );
  await connect(
    { host: guest, addresses: ["10.77.0.3/24"] },
    { host, name: "port1", addresses: [] },
  );
  for (const port of ["port0", "port1"]) {
    await host.run(["ip", "link", "set", port, "master", "br0"]);
  }
  await addAddress(host, "br0", `${HOST}/24`);
  await host.run(["ip", "link", "set", "br0", "up"]);
}

liveTest(
  "what a bridge passes on in the host's name is not the host's",
  { root: true, tools: ["ip", "nmap", "python3", "tcpdump"] },
  async () => {
    await using host = await Namespace.create();
    await using scanner = await Namespace.create();
    await using guest = await Namespace.create();
    await using probe = host.start([
      ...[Deno.execPath(), "run", "-A", PROBE, "raw"],
    ]);
    await probe.told("probing");
    // Behind the start: what an interface becomes is followed.
    await makeBridge(host, scanner, guest);
    await using _server = await listen(host, [OPEN]);
    await using received = guest.start([
      ...["tcpdump", "-n", "-l", "-i", "eth0", "-c", `${FORGED}`],
      `tcp and dst ${THIRD_PARTY}`,
    ]);
    await received.told("listening on");
    const forged = concat(
      UNKNOWN_MAC,
      await hardwareAddress(scanner),
      [0x08, 0x00],
      ipv4(tcp({ flags: SYN_ACK }), {
        source: HOST,
        destination: THIRD_PARTY,
      }),
    );
    await inject(scanner, Array(FORGED).fill(forged));
    // They really leave through the guest's port.
    assertEquals(await received.end(), 0);
    const answers = () =>
      probe.stdout.filter((line) => line === "out IPv4 tcp 12").length;
    assertEquals(answers(), 0);
    // The host's own answer counts, once.
    await scanner.run(["nmap", "-n", "-Pn", "-sS", "-p", `${OPEN}`, HOST]);
    await eventually(() => answers() > 0, () => probe.stdout.join("\n"));
    assertEquals(await probe.stop(), 0);
    assertEquals(answers(), 1);
  },
);
