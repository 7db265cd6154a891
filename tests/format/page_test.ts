/** The page, before any browser has seen it. */

import fc from "fast-check";
import { formatPage } from "../../format/page/page.ts";
import { type ReportEvent, toEvent } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import * as reports from "./reports.ts";

const NONCE = "0123456789abcdef";

/** What the page holds as data. */
function embedded(page: string): ReportEvent[] {
  const [, json] = /<script id="data"[^>]*>(.*?)<\/script>/s.exec(page) ?? [];
  return JSON.parse(json).events;
}

Deno.test("whatever a text is, it stays a text", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "</script><script>alert(1)</script>",
      "<!--<script>",
      "<img src=x onerror=alert(1)>",
      `"><svg onload=alert(1)>`,
      "]]>&lt;\u2028\u2029'",
      "${alert(1)}",
    ),
  );
  const empty = formatPage([], { nonce: NONCE, files: ["f"], omitted: 0 });
  const tags = (page: string) => page.match(/<\/?[a-z!][^>]*>/gi) ?? [];
  fc.assert(
    fc.property(reports.report, hostile, (report, text) => {
      const event = toEvent(report, { host: text, interfaceName: () => text });
      const options = { nonce: NONCE, files: [text], omitted: 0 };
      const page = formatPage([event], options);
      // No more elements than a page without any text of others has.
      assertEquals(tags(page), tags(empty));
      assertEquals(embedded(page), [JSON.parse(JSON.stringify(event))]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("nothing is loaded from elsewhere, and the page forbids it", () => {
  const page = formatPage([], { nonce: NONCE, files: ["f"], omitted: 3 });
  const [, policy] =
    /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/
      .exec(page) ?? [];
  assert(policy.startsWith("default-src 'none'; "));
  assert(!policy.includes("unsafe"));
  const addresses = page.match(/(?:src|href|url)\s*[=(]\s*["']?[^"' )]+/g) ??
    [];
  assertEquals(addresses, ['href="data:,']);
  // Names of a format, not of places.
  assertEquals(page.match(/https?:\/\/[^"']*/g), [
    "http://www.w3.org/2000/svg",
  ]);
  assert(page.includes("3 more events are not shown"));
});
