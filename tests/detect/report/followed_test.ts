/** Places for scans that are followed are few: who gets one, and who keeps it. */

import {
  FOLLOWED_SCANS,
  FOLLOWED_TOLD,
  type FollowedScan,
  FollowedScans,
  FREE,
  IN_LOCKSTEP,
  KEPT_BACK,
  TOLD,
} from "../../../detect/report/followed.ts";
import type { Scan } from "../../../detect/report/report.ts";
import { Segment } from "../../../detect/packet/segment.ts";
import { RecordTable } from "../../../detect/table/records.ts";
import { assert, assertEquals } from "../../assert.ts";
import { seeded } from "../../random.ts";
import { portsFrom, START } from "../../watch.ts";
import { peers, PeersWatch } from "../probe/peers.ts";

/** Follows scans of sources that differ, in a table with room for them all. */
class Places {
  readonly followed = new FollowedScans();
  readonly #table = new RecordTable(4096, 85, seeded(1));
  readonly #probe = new Segment();
  #sources = 0;

  /** Follows one more, of which so many packets were seen. */
  begin(state: number, packets: number): FollowedScan | undefined {
    const source = ++this.#sources;
    const entry = this.#table.insert(0, 0, 0xffff, source, 0);
    this.#table.clearStatus(entry);
    this.#table.open(entry, this.#probe);
    const scan: Scan = {
      ...{ type: "scan", rule: "classic", protocol: "tcp", verified: false },
      ...{ source: `${source}`, destination: "", otherDestinations: false },
      ...{ ports: portsFrom(1, packets - 1), completingPort: packets },
      ...{ flagsAlwaysSet: 0, flagsEverSet: 0, firstSeen: 0, completed: 0 },
    };
    const table = this.#table;
    const completion = { scan, table, entry, time: 0, pause: 3000 };
    return this.followed.begin(state, completion);
  }

  /** The sources of the scans in a state. */
  sources(state: number): string[] {
    return this.followed.places.filter((each) => each.state === state)
      .map(({ scan }) => scan.source);
  }
}

for (
  const [name, state] of Object.entries({
    KEPT_BACK,
    IN_LOCKSTEP,
  })
) {
  Deno.test(`a new scan takes the place of the least one that is ${name}`, () => {
    const places = new Places();
    for (let i = 0; i < FOLLOWED_SCANS; i++) {
      places.begin(state, i === 100 ? 7 : 8);
    }
    const least = places.followed.places[100].scan.source;
    const added = places.begin(IN_LOCKSTEP, 7);
    assert(added !== undefined);
    assertEquals(added, places.followed.places[100]);
    assert(!places.sources(state).includes(least));
  });
}

Deno.test("a place that is given back is free", () => {
  const places = new Places();
  const followed = places.begin(IN_LOCKSTEP, 7);
  assert(followed !== undefined);
  places.followed.end(followed);
  assertEquals(followed.state, FREE);
  assertEquals(places.begin(IN_LOCKSTEP, 7), followed);
});

Deno.test("scans that were told leave places for those that were not", () => {
  const places = new Places();
  for (let i = 0; i < 2 * FOLLOWED_SCANS; i++) {
    const followed = places.begin(KEPT_BACK, 7);
    assert(followed !== undefined, `${i} are followed`);
    places.followed.markTold(followed);
  }
  assertEquals(places.sources(TOLD).length, FOLLOWED_TOLD);
  for (let i = FOLLOWED_TOLD; i < FOLLOWED_SCANS; i++) {
    places.begin(KEPT_BACK, 7);
  }
  assertEquals(
    places.sources(KEPT_BACK).length,
    FOLLOWED_SCANS - FOLLOWED_TOLD,
  );
  // They stay so while they are told once more.
  const [told] = places.followed.places;
  places.followed.markTold(told);
  assertEquals(told.state, TOLD);
});

Deno.test("decoys that are kept alive do not hide who has answered", () => {
  const host = new PeersWatch();
  const decoys = peers(128);
  const [scanner, ...flood] = peers(8, "203.0");
  host.probeTogether(decoys, 0);
  for (let time = 1500; time <= 6000; time += 1500) {
    host.probeTogether(decoys, time, [900 + time]);
  }
  assertEquals(host.reports.map(({ type }) => type), ["decoys"]);
  for (const [i, source] of flood.entries()) {
    host.scanAlone(source, 6100 + i * 20);
  }
  host.scanAlone(scanner, 6300);
  host.answer(scanner, 6900);
  host.detector.advance(START + 7000);
  host.detector.finish();
  const closing = host.lines.at(-1) ?? "";
  assert(
    closing.endsWith(
      `not logged: ${scanner} (answered), ${flood.slice(4).join(", ")}`,
    ),
    closing,
  );
});
