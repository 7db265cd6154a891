/** The program does what its model says, on packets of all kinds. */

import {
  ADDRESS_TABLE,
  AddressTable,
  randomHashKey,
} from "../../../capture/port_memory/address_table.ts";
import { ANY_ADDRESS } from "../../../capture/port_memory/parts.ts";
import { memoryFilter } from "../../../capture/port_memory/program.ts";
import { parseAddress } from "../../../detect/packet/address.ts";
import {
  emptyPortTimes,
  TRANSLATED,
} from "../../../detect/probe/port_memory.ts";
import { encode } from "../../../ffi/ebpf.ts";
import { assertEquals, assertGreater } from "../../assert.ts";
import { type FakeArray, interpret } from "../../ebpf.ts";
import { pick, type Random, withRunSeed } from "../../random.ts";
import { judge, type SeenPacket } from "./model.ts";
import {
  hostAddresses,
  OURS,
  PORTS,
  PROTOCOLS,
  randomPacket,
} from "./random_packets.ts";

const MAPS = {
  ports: 3,
  protocols: 4,
  receivers: 5,
  addresses: 6,
  routing: 7,
  clock: 8,
  impostor: 9,
};
/** Seconds since boot. */
const NOW = 5_000;

// include/uapi/linux/bpf.h, struct __sk_buff.
function contextOf({ bytes, ...packet }: SeenPacket): DataView {
  const view = new DataView(new ArrayBuffer(192));
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, packet.packetType, true);
  view.setUint16(16, packet.etherType); // network byte order
  view.setUint32(20, packet.isTagged ? 1 : 0, true);
  view.setUint32(36, packet.ingress, true);
  view.setUint32(40, packet.interface, true);
  return view;
}

function fakeArrays(anyAddress = false) {
  const times = emptyPortTimes();
  const addresses = new ArrayBuffer(ADDRESS_TABLE.byteLength);
  const routing = new Uint32Array(2 * 4_096);
  routing[2 * 2] = 1;
  routing[2 * ANY_ADDRESS] = anyAddress ? 1 : 0;
  const impostor = new Uint32Array(2);
  const view = ({ buffer }: Uint32Array) => new DataView(buffer);
  const arrays = new Map<number, FakeArray>([
    [MAPS.ports, { memory: view(times.ports), valueSize: 8 }],
    [MAPS.protocols, { memory: view(times.protocols), valueSize: 8 }],
    [MAPS.receivers, { memory: view(times.receivers), valueSize: 8 }],
    [MAPS.addresses, { memory: new DataView(addresses), valueSize: 64 }],
    [MAPS.routing, { memory: view(routing), valueSize: 8 }],
    [MAPS.impostor, { memory: view(impostor), valueSize: 8 }],
    [MAPS.clock, { memory: new DataView(new ArrayBuffer(8)), valueSize: 8 }],
  ]);
  return { times, addresses, impostor, arrays };
}

/** Ages of what is remembered: never, and about the limits. */
const AGES = [NOW, NOW, 0, 1, 179, 180, 181, 899, 900, 901, -1];

const IMPOSTOR_AGES = [NOW, NOW, 0, 59, 60, 61];

function fill(random: Random, times: ReturnType<typeof emptyPortTimes>): void {
  for (const port of PORTS) {
    for (let row = 0; row < 4; row++) {
      times.ports[2 * (row * 65_536 + port)] = NOW - pick(random, AGES) +
        pick(random, [0, 0, TRANSLATED]);
    }
    times.receivers[2 * port] = pick(random, [0, 0, 1, 2, 3]);
  }
  for (const protocol of PROTOCOLS) {
    times.protocols[2 * protocol] = NOW - pick(random, AGES);
    times.protocols[2 * protocol + 1] = NOW - pick(random, AGES);
  }
}

const CHOICES = [
  { promiscuous: false, outgoing: false },
  { promiscuous: true, outgoing: false },
  { promiscuous: false, outgoing: true },
  { promiscuous: false, anyAddress: true, partial: true },
];

for (const choice of CHOICES) {
  Deno.test(`random packets, ${JSON.stringify(choice)}`, async () => {
    await withRunSeed((random) => {
      const verdicts = new Map<number, number>();
      for (let round = 0; round < 100; round++) {
        tryPackets(random, choice, verdicts);
      }
      for (const value of [0, 192, 2_048]) {
        assertGreater(verdicts.get(value) ?? 0, 500, `verdict ${value}`);
      }
    });
  });
}

/** Lets program and model meet the same packets, each with times of its own. */
function tryPackets(
  random: Random,
  choice: typeof CHOICES[number],
  verdicts: Map<number, number>,
): void {
  const key = randomHashKey();
  const program = encode(memoryFilter({ ...choice, key }, MAPS));
  const { times: real, addresses, impostor, arrays } = fakeArrays(
    choice.anyAddress,
  );
  const words = OURS.map((text) => parseAddress(text).words);
  assertEquals(new AddressTable(addresses, key).assign(words), 0);
  fill(random, real);
  const host = {
    ...choice,
    addresses: hostAddresses(),
    routing: new Set([2]),
    times: structuredClone(real),
    impostor: 0,
    now: NOW,
  };
  for (let i = 0; i < 200; i++) {
    const packet = randomPacket(random);
    host.impostor = impostor[0] = NOW - pick(random, IMPOSTOR_AGES);
    const value = interpret(program, {
      context: contextOf(packet),
      packet: packet.bytes,
      arrays,
      now: BigInt(NOW) * 1_000_000_000n + 999_999_999n,
      ticks: BigInt(5_000_000_000 + i),
    });
    assertEquals(value, judge(packet, host), describe(packet));
    assertEquals(impostor[0], host.impostor, describe(packet));
    verdicts.set(value, (verdicts.get(value) ?? 0) + 1);
  }
  for (const name of ["ports", "protocols", "receivers"] as const) {
    const change = real[name].findIndex((v, at) => v !== host.times[name][at]);
    assertEquals(change, -1, `${name} differ`);
  }
}

function describe(packet: SeenPacket): string {
  return JSON.stringify({ ...packet, bytes: packet.bytes.toHex() });
}
