/**
 * The kernel takes the program that writes the port memory, from whoever has
 * CAP_BPF alone too, and runs it as the model says.
 */

import { KernelMemory } from "../../capture/port_memory/kernel_memory.ts";
import { parseAddress } from "../../detect/packet/address.ts";
import { type PortTimes, TRANSLATED } from "../../detect/probe/port_memory.ts";
import { mapArray, tryProgram } from "../../ffi/bpf_syscall.ts";
import { libc } from "../../ffi/libc.ts";
import { CLOCK_BOOTTIME } from "../../ffi/linux.ts";
import { assert, assertEquals } from "../assert.ts";
import { judge, type SeenPacket } from "../capture/port_memory/model.ts";
import {
  hostAddresses,
  OURS,
  PORTS,
  PROTOCOLS,
  randomPacket,
} from "../capture/port_memory/random_packets.ts";
import { concat } from "../packets.ts";
import { pick, type Random, withRunSeed } from "../random.ts";
import { run } from "./processes.ts";
import { liveTest } from "./require.ts";

const MAP_BYTES = {
  ports: 1 << 21,
  protocols: 1 << 11,
  receivers: 1 << 19,
  impostor: 8,
  clock: 8,
};

function bootSeconds(): number {
  const timespec = new BigInt64Array(2);
  libc().clock_gettime(CLOCK_BOOTTIME, timespec);
  return Number(timespec[0]);
}

/** The arrays as only a test maps them: it may write the times and the clock. */
function writableTimes(
  { maps }: KernelMemory,
  mapped: DisposableStack,
): PortTimes & { clock: Uint32Array; impostor: Uint32Array } {
  const words = (name: keyof typeof MAP_BYTES) => {
    const bytes = MAP_BYTES[name];
    const { address, memory } = mapArray(maps[name], bytes, { writable: true });
    mapped.defer(() => libc().munmap(address, BigInt(bytes)));
    return new Uint32Array(memory);
  };
  return {
    ports: words("ports"),
    protocols: words("protocols"),
    receivers: words("receivers"),
    impostor: words("impostor"),
    clock: words("clock"),
  };
}

/** Ages that no second more or less makes a difference to; -1: never. */
const AGES = [-1, -1, 2, 100, 250, 500, 1_000];

function fill(random: Random, times: PortTimes, now: number): void {
  const then = () => {
    const age = pick(random, AGES);
    return age < 0 || age > now ? 0 : now - age;
  };
  for (const port of PORTS) {
    for (let row = 0; row < 4; row++) {
      times.ports[2 * (row * 65_536 + port)] = then() +
        pick(random, [0, 0, TRANSLATED]);
    }
    times.receivers[2 * port] = pick(random, [0, 0, 1, 2, 3]);
  }
  for (const protocol of PROTOCOLS) {
    times.protocols[2 * protocol] = then();
    times.protocols[2 * protocol + 1] = then();
  }
}

/** A frame, and the context in whose control words a trial program looks. */
function framed({ bytes, etherType, ...packet }: SeenPacket) {
  const frame = concat(
    new Uint8Array(12),
    [etherType >> 8, etherType & 0xff],
    bytes,
  );
  const context = new Uint8Array(192);
  const view = new DataView(context.buffer);
  view.setUint32(48, packet.packetType, true);
  view.setUint32(52, packet.interface, true);
  view.setUint32(56, packet.ingress, true);
  view.setUint32(60, packet.isTagged ? 1 : 0, true);
  return { frame, context };
}

function tryPackets(
  random: Random,
  memory: KernelMemory,
  outgoing: boolean,
): Set<number> {
  using mapped = new DisposableStack();
  const real = writableTimes(memory, mapped);
  const words = OURS.map((text) => parseAddress(text).words);
  memory.followAddresses(words);
  memory.followLinks([{ index: 2, isEnslaved: false }]);
  const verdicts = new Set<number>();
  for (let round = 0; round < 20; round++) {
    const begin = bootSeconds();
    fill(random, real, begin);
    real.clock.fill(0); // what it told last round may be a second ago
    real.impostor[0] = 0;
    const host = {
      promiscuous: true,
      outgoing,
      addresses: hostAddresses(),
      routing: new Set([2]),
      times: structuredClone(real as PortTimes),
      impostor: 0,
      now: begin,
    };
    // What has no whole network header, the kernel does not try.
    const packets = Array.from({ length: 100 }, () => randomPacket(random))
      .filter(({ bytes }) => bytes.length >= 40);
    const values = packets.map((packet) => {
      const { frame, context } = framed(packet);
      return tryProgram(memory.program, frame, context).value;
    });
    if (bootSeconds() !== begin) continue; // another second was written
    for (const [i, packet] of packets.entries()) {
      const text = JSON.stringify({ ...packet, bytes: packet.bytes.toHex() });
      assertEquals(values[i], judge(packet, host), text);
      verdicts.add(values[i]);
    }
    assertEquals(real.impostor[0], host.impostor);
    for (const name of ["ports", "protocols"] as const) {
      const differs = real[name].findIndex((v, i) => v !== host.times[name][i]);
      assertEquals(differs, -1, `${name} differ`);
    }
  }
  return verdicts;
}

for (const outgoing of [false, true]) {
  liveTest(
    `the kernel judges as the model does, outgoing scans: ${outgoing}`,
    { root: true },
    async () => {
      await withRunSeed((random) => {
        const options = { promiscuous: true, isTrial: true, outgoing };
        const memory = new KernelMemory(options);
        try {
          const verdicts = tryPackets(random, memory, outgoing);
          assertEquals(verdicts, new Set([0, 192, 2_048]));
        } finally {
          memory.close();
        }
      });
    },
  );
}

liveTest("CAP_BPF alone is enough", {
  root: true,
  tools: ["setpriv"],
}, async () => {
  const module = new URL(
    "../../capture/port_memory/kernel_memory.ts",
    import.meta.url,
  );
  const script = `import { KernelMemory } from "${module}";
for (const promiscuous of [false, true]) new KernelMemory({ promiscuous });
console.log(Deno.readTextFileSync("/proc/self/status"));`;
  // CAP_DAC_OVERRIDE: only to read the program's own files.
  const drop = "-all,+bpf,+net_raw,+dac_override";
  const status = await run([
    ...["setpriv", "--bounding-set", drop, "--inh-caps", "-all"],
    ...[Deno.execPath(), "eval", script],
  ]);
  assert(/^CapEff:\t0000008000002002$/m.test(status), status);
});

liveTest("the process cannot write the times", { root: true }, () => {
  const memory = new KernelMemory({ promiscuous: false });
  try {
    const mapped = Deno.readTextFileSync("/proc/self/smaps").split(
      /^(?=[\da-f]+-)/m,
    )
      .filter((mapping) => mapping.includes("anon_inode:bpf-map"));
    const flagsOf = (size: number) =>
      mapped.filter((each) => each.includes(` ${size} kB`))
        .map((each) => /^VmFlags: (.*)$/m.exec(each)?.[1].split(" ") ?? []);
    const [ports] = flagsOf(MAP_BYTES.ports / 1024);
    assert(ports.includes("rd"), `${ports}`);
    // "mw": mprotect(2) may make it writable later on.
    assertEquals(ports.filter((flag) => ["wr", "mw"].includes(flag)), []);
  } finally {
    memory.close();
  }
});
