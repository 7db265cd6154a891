import { Census } from "../../../detect/probe/census.ts";
import { RecordTable } from "../../../detect/table/records.ts";
import {
  ABORTED,
  ANSWERED_TARGET,
  EXCUSED,
  GOES_ON,
  HAS_ACK,
  IS_OURS,
  REFUSED,
  TARGET_TCP,
  TARGET_UDP,
  WAITING,
} from "../../../detect/table/target_word.ts";
import { assertEquals, assertGreater } from "../../assert.ts";
import { below, pick, type Random, seeded } from "../../random.ts";

const TARGETS = 128;
const ENTRY = 0;
const ANSWERED = [ANSWERED_TARGET, GOES_ON];

interface Target {
  protocol: number;
  port: number;
  host: number;
  state: number;
  traits: number;
}

/** Targets of few hosts and ports, so that they have much in common. */
function randomTargets(random: Random): Target[] {
  const hosts = pick(random, [1, 3, 200]);
  const ports = pick(random, [1, 3, 60]);
  const states = pick(random, [
    [WAITING, REFUSED],
    [WAITING, REFUSED, ANSWERED_TARGET, ABORTED, EXCUSED, GOES_ON],
  ]);
  return Array.from({ length: 1 + below(random, TARGETS) }, () => ({
    protocol: pick(random, [TARGET_TCP, TARGET_TCP, TARGET_UDP]),
    port: below(random, ports),
    host: below(random, hosts) - 1,
    state: pick(random, states),
    traits: pick(random, [0, 0, HAS_ACK, IS_OURS]),
  }));
}

/** The definitions, each of which goes over all targets. */
function isStray(targets: readonly Target[], index: number): boolean {
  const { protocol, port, host, traits } = targets[index];
  if ((traits & IS_OURS) !== 0) return false;
  const isUdp = protocol === TARGET_UDP;
  const others = targets.filter((other, i) =>
    i !== index && other.host === host && other.protocol === protocol &&
    !ANSWERED.includes(other.state)
  );
  if (others.length >= 2) return false;
  if ((traits & HAS_ACK) !== 0) return true;
  const count = (...states: number[]) =>
    targets.filter((other) =>
      other.port === port && other.protocol === protocol &&
      states.includes(other.state)
    ).length;
  const refused = count(REFUSED);
  const silent = isUdp ? 0 : count(WAITING);
  const isSwept = 3 * refused + silent >= 64 &&
    refused + silent >= 3 * count(...ANSWERED);
  return !isSwept;
}

function isFurtherHost(targets: readonly Target[], index: number): boolean {
  const { port, host } = targets[index];
  return targets.slice(0, index).some((other) =>
    other.port === port && other.host !== host
  );
}

function doMostAnswer(targets: readonly Target[], index: number): boolean {
  const same = targets.filter(({ port }) => port === targets[index].port);
  const answered = same.filter(({ state }) => ANSWERED.includes(state));
  return 2 * answered.length > same.length;
}

Deno.test("a census tells what the definitions say, in any order", () => {
  const random = seeded(1);
  const records = new RecordTable(16, TARGETS, random);
  const census = new Census(records);
  let strays = 0;
  for (let round = 0; round < 500; round++) {
    const targets = randomTargets(random);
    records.clearTargets(ENTRY);
    for (const { protocol, port, host, state, traits } of targets) {
      records.addTarget(ENTRY, protocol, port, host, state | traits, 0);
    }
    census.begin(ENTRY);
    for (let question = 0; question < 40; question++) {
      const index = below(random, targets.length);
      const stray = isStray(targets, index);
      if (stray) strays++;
      assertEquals(
        [
          census.isStray(index),
          census.isFurtherHost(index),
          census.doMostAnswer(index),
        ],
        [
          stray,
          isFurtherHost(targets, index),
          doMostAnswer(targets, index),
        ],
      );
      if (below(random, 4) === 0) excuse(records, census, targets, index);
    }
    assertEquals(
      census.isAllSilent,
      targets.every(({ state }, i) => state !== REFUSED && isStray(targets, i)),
    );
  }
  assertGreater(strays, 1000);
  assertGreater(500 * 40 - strays, 1000);
});

/** As judging does with a target that waits or was refused. */
function excuse(
  records: RecordTable,
  census: Census,
  targets: readonly Target[],
  index: number,
): void {
  const target = targets[index];
  if (target.state !== WAITING && target.state !== REFUSED) return;
  const word = records.wordAt(ENTRY, index);
  records.setState(ENTRY, index, EXCUSED);
  census.excuse(word);
  target.state = EXCUSED;
}
