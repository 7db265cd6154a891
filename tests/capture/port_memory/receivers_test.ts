import {
  findReceivers,
  noteReceivers,
} from "../../../capture/port_memory/receivers.ts";
import { assertEquals } from "../../assert.ts";

const HEADER =
  "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n";
const REST =
  "00000000:00000000 00:00000000 00000000     0        0 1234 2 0000000000000000 0         \n";

/** What is found in lists of sockets: ports with their bits. */
function receivers(...lines: string[]): Record<number, number> {
  const found = new Uint8Array(65_536);
  findReceivers(HEADER + lines.map((l) => `${l} ${REST}`).join(""), found);
  return Object.fromEntries(
    [...found.entries()].filter(([, bits]) => bits !== 0),
  );
}

Deno.test("sockets without a peer receive where they are bound", () => {
  const none6 = "00000000000000000000000000000000:0000";
  assertEquals(
    receivers(
      " 1234: 00000000:0202 00000000:0000 07",
      "   12: 0100007F:1FBD 00000000:0000 07",
      "    7: 02004D0A:0035 00000000:0000 07",
      `    8: 00000000000000000000000000000000:006F ${none6} 07`,
      `    9: 00000000000000000000000001000000:0143 ${none6} 07`,
      `   10: 0000000000000000FFFF00000100007F:0144 ${none6} 07`,
      `12345: 000080FE00000000FF005450BE8800FE:0222 ${none6} 07`,
    ),
    { 514: 3, 8125: 2, 53: 3, 111: 3, 323: 2, 324: 2, 546: 3 },
  );
});

Deno.test("a socket with a peer hears that peer alone", () => {
  assertEquals(receivers("    3: 02004D0A:9C40 01004D0A:0035 01"), {});
});

Deno.test("a port on the loopback interface and outside has both", () => {
  assertEquals(
    receivers(
      "    1: 0100007F:0035 00000000:0000 07",
      "    2: 02004D0A:0035 00000000:0000 07",
    ),
    { 53: 3 },
  );
});

Deno.test("what is no list of sockets holds none", () => {
  const found = new Uint8Array(65_536);
  for (const text of ["", "\n\n", HEADER, "1: 0:0 0:0 07", "x".repeat(9_999)]) {
    findReceivers(text, found);
  }
  assertEquals(found.some((bits) => bits !== 0), false);
});

Deno.test("a socket that is there at two looks is a service's", () => {
  const receivers = new Uint32Array(2 * 4);
  for (const [second, bits] of [[10, 3], [20, 3], [30, 3], [40, 0], [50, 3]]) {
    noteReceivers(receivers, Uint8Array.of(0, bits, 2, 0), second);
  }
  // Port 1 was there until 30, and has just come back; port 2 is local.
  assertEquals([...receivers], [0, 0, 3, 30, 2, 0, 0, 0]);
});
