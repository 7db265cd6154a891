/**
 * The Markdown pages for people: their code, links and headings.
 *
 * @module
 */

/** The checkout. */
export const ROOT = new URL("../", import.meta.url).pathname;

/** All pages, by their paths in the checkout. */
export const PAGES: readonly string[] = ["", "docs/"].flatMap((folder) =>
  [...Deno.readDirSync(ROOT + folder)]
    .map(({ name }) => folder + name)
    .filter((path) => path.endsWith(".md"))
).sort();

/** The text of a file of the checkout. */
export function read(path: string): string {
  return Deno.readTextFileSync(ROOT + path);
}

/** The code blocks of a text in a language. */
export function codeBlocks(text: string, language: string): string[] {
  const block = new RegExp("^```" + language + "\\n([^]*?)^```$", "gm");
  return [...text.matchAll(block)].map(([, code]) => code);
}

/** A link from one page to a file of the checkout. */
export interface Link {
  /** As it stands on the page. */
  text: string;
  /** Where it leads, by its path in the checkout. */
  file: string;
  /** The heading that it leads to. */
  anchor?: string;
}

/** The links of a page that lead into the checkout. */
export function linksOf(page: string): Link[] {
  const prose = read(page).replace(/^```[^]*?^```$/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, text]) => text)
    .filter((text) => !/^[a-z]+:/.test(text))
    .map((text) => {
      const { pathname, hash } = new URL(text, `file:///${page}`);
      return {
        text,
        file: decodeURIComponent(pathname).slice(1),
        anchor: hash === "" ? undefined : hash.slice(1),
      };
    });
}

/** The anchors of a page, as GitHub makes them of its headings. */
export function anchorsOf(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```$/gm, "");
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-")
  );
}
