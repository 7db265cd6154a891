/** The page in a real browser. */

import { type Browser, chromium, type Page } from "playwright-core";
import { formatPage } from "../../format/page/page.ts";
import { type Report, type Scan, toEvent } from "../../mod.ts";
import { assert, assertEquals, assertLess } from "../assert.ts";
import { START } from "../packets.ts";
import { seeded } from "../random.ts";
import { Folder, program } from "./daemon.ts";
import { Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const NEEDS = { tools: ["chromium"] };
const HOUR = 3_600_000;
/** What a user waits for without wondering. */
const FIRST_PAINT_MS = 2000;
const RULES = ["classic", "slow", "udp", "refusals"] as const;

/** Scans of a day. */
function scansOf(count: number, sources: number): Report[] {
  const random = seeded(7);
  return Array.from({ length: count }, (_, i): Scan => {
    const source = i < sources ? i : random() % sources;
    const firstSeen = START + random() % (24 * HOUR);
    return {
      type: "scan",
      rule: RULES[random() % RULES.length],
      protocol: "tcp",
      verified: false,
      source: `10.${source >> 16}.${(source >> 8) & 0xff}.${source & 0xff}`,
      destination: `192.0.2.${random() % 250}`,
      otherDestinations: false,
      ports: Array.from({ length: 20 }, () => random() % 1024),
      completingPort: 443,
      flagsAlwaysSet: 2,
      flagsEverSet: 2,
      firstSeen,
      completed: firstSeen + random() % HOUR,
    };
  });
}

const END: Report = {
  type: "end",
  source: "10.0.0.3",
  destination: "192.0.2.1",
  otherDestinations: false,
  protocol: "tcp",
  duration: 5000,
  packets: 1005,
  ports: 1000,
  openPorts: [22, 80, 81, 82],
  verified: true,
  firstSeen: START,
  completed: START + 5000,
};

/** A page, and what must not have happened there. */
class OpenPage implements AsyncDisposable {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #complaints: string[] = [];

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
    page.on("console", (message) => this.#complaints.push(message.text()));
    page.on("pageerror", (error) => this.#complaints.push(`${error}`));
    page.on("dialog", (dialog) => this.#complaints.push(dialog.message()));
    page.on("request", (request) => {
      if (!/^(file|data):/.test(request.url())) {
        this.#complaints.push(request.url());
      }
    });
  }

  static async open(path: string, scheme: "light" | "dark" = "light") {
    const executablePath = (await run(["which", "chromium"])).trim();
    const browser = await chromium.launch({
      executablePath,
      // Chromium's own sandbox does not go with root.
      args: ["--no-sandbox", "--disable-gpu"],
    });
    const page = await browser.newPage({ colorScheme: scheme });
    const open = new OpenPage(browser, page);
    await page.goto(
      `file://${path.split("/").map(encodeURIComponent).join("/")}`,
    );
    return open;
  }

  /** Nothing was complained of, asked for elsewhere, or run that is not ours. */
  assertQuiet(): void {
    assertEquals(this.#complaints, []);
  }

  count(selector: string): Promise<number> {
    return this.page.locator(selector).count();
  }

  text(selector: string): Promise<string> {
    return this.page.locator(selector).innerText();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

async function write(
  folder: string,
  reports: readonly Report[],
  name = "page.html",
): Promise<string> {
  const path = `${folder}/${name}`;
  const events = reports.map((report) =>
    toEvent(report, { host: "<b>web1</b>", interfaceName: () => "<i>eth0</i>" })
  );
  const options = { nonce: "0a1b2c3d", files: ["a.pcap"], omitted: 0 };
  await Deno.writeTextFile(path, formatPage(events, options));
  return path;
}

liveTest(
  "a browser shows all scans, and those of one source on a click",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const path = await write(folder.path, [...scansOf(40, 12), END]);
    await using open = await OpenPage.open(path);
    const { page } = open;
    assert(
      (await open.text("#summary")).startsWith("40 scans by 12 sources, "),
    );
    assertEquals(await open.count("#rows tr"), 12);
    assertEquals(await open.count("svg .label"), 12);
    assertEquals(await page.locator("#scans").isVisible(), false);

    await page.locator("#rows button", { hasText: /^10\.0\.0\.3$/ }).click();
    assertEquals(await page.locator("#filter").inputValue(), "10.0.0.3");
    assertEquals(await open.count("#rows tr"), 1);
    assertEquals(await open.count("svg .label"), 1);
    assertEquals(await open.text("#rows .open"), "22, 80-82");
    assert(await page.locator("#scans").isVisible());
    assert((await open.text("#lines")).includes("10.0.0.3 to 192.0.2."));

    await page.locator("#clear").click();
    assertEquals(await open.count("#rows tr"), 12);
    await page.locator("#filter").fill("10.0.0.1");
    assertEquals(await open.count("#rows tr"), 3); // .1, .10, .11
    await page.locator("#clear").click();
    await page.locator("#rule").selectOption("slow");
    const shown = await open.count("#rows tr");
    assert(shown > 0 && shown < 12, `${shown} rows`);
    await page.locator("svg .label").first().click();
    assertEquals(await open.count("#rows tr"), 1);
    open.assertQuiet();
  },
);

liveTest("a page is dark where the system is", NEEDS, async () => {
  await using folder = await Folder.create();
  const path = await write(folder.path, scansOf(40, 12));
  const lightness: number[] = [];
  for (const scheme of ["light", "dark"] as const) {
    await using open = await OpenPage.open(path, scheme);
    const colour = await open.page.evaluate<string>(
      "getComputedStyle(document.body).backgroundColor",
    );
    lightness.push(Number(/\d+/.exec(colour)?.[0]));
    open.assertQuiet();
  }
  assert(lightness[0] > 200 && lightness[1] < 60, `${lightness}`);
});

liveTest("10,000 scans of 3,000 sources stay usable", NEEDS, async () => {
  await using folder = await Folder.create();
  const path = await write(folder.path, scansOf(10_000, 3000));
  await using open = await OpenPage.open(path);
  const { page } = open;
  const paint = await page.evaluate(() =>
    new Promise<number>((done) => {
      const observer = new PerformanceObserver((list) =>
        done(list.getEntries()[0].startTime)
      );
      observer.observe({ type: "paint", buffered: true });
    })
  );
  console.log(`first paint after ${paint.toFixed(0)} ms`);
  assertLess(paint, FIRST_PAINT_MS);
  assert((await open.text("#summary")).startsWith("10,000 scans by 3,000 "));
  assertEquals(await open.count("#rows tr"), 100);
  await page.locator("#more").click();
  assertEquals(await open.count("#rows tr"), 200);
  const before = await open.text("#pager");
  await page.locator("#pager button").last().click();
  assert(await open.text("#pager") !== before);
  await page.locator("#filter").fill("10.0.11.183");
  assertEquals(await open.count("#rows tr"), 1);
  open.assertQuiet();
});

liveTest("a hostile capture's strings do nothing", NEEDS, async () => {
  await using folder = await Folder.create();
  const names = [
    "<img src=x onerror=alert(1)>.pcap",
    "<|script><script>alert(1)<|script>.pcap".replaceAll("|", "\u2215"),
    `"'--><svg onload=alert(1)>.pcap`,
  ];
  const trace = new URL("../data/conformance/mixed-1.pcap", import.meta.url);
  for (const name of names) {
    const path = `${folder.path}/${name}`;
    await Deno.copyFile(trace, path);
    const html = `${folder.path}/page.html`;
    // A longer page that is there is replaced whole.
    await Deno.writeTextFile(
      html,
      "<!DOCTYPE html>" + "<script>alert(1)</script>".repeat(10_000),
    );
    await using reading = new Process(
      program(["--read", path, "--output", `html:${html}`]),
    );
    assertEquals(await reading.end(), 0, reading.stderr.join("\n"));
    const text = await Deno.readTextFile(html);
    assert(text.endsWith("</html>\n") && text.startsWith("<!DOCTYPE html>"));
    await using open = await OpenPage.open(html);
    assert((await open.text("body")).includes(path));
    assertEquals(await open.count("img, bdi *, #rows script"), 0);
    open.assertQuiet();
  }
});

liveTest(
  "our own hosts, decoys and networks are no source of another name",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const [scan] = scansOf(1, 1) as Scan[];
    const completed = scan.completed;
    const path = await write(folder.path, [
      scan,
      { ...scan, direction: "outgoing" },
      { type: "decoys", sources: 31, names: [scan.source], scan, completed },
      { type: "shared", network: "10.0.0.0/24", sources: 60, scan, completed },
      { type: "flood", completed },
    ]);
    await using open = await OpenPage.open(path);
    assertEquals(
      (await open.page.locator("#rows button").allInnerTexts()).toSorted(),
      [
        "10.0.0.0",
        "10.0.0.0 (outgoing)",
        "10.0.0.0/24",
        "31 sources in lockstep",
      ],
    );
    open.assertQuiet();
  },
);
