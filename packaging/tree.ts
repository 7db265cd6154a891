/**
 * A file tree below DESTDIR, changed so that nobody ever sees half a file.
 *
 * @module
 */

/** The directory that stands for the root, and files by their paths in it. */
export class Tree {
  readonly #root: string;

  /** @param root What stands before each path; "" for the machine itself. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Where a path really is. */
  resolve(path: string): string {
    return this.#root + path;
  }

  /** What a file holds; undefined if there is none. */
  async read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await found(Deno.readFile(this.resolve(path)));
  }

  /** Whether something has this name, be it a dangling link. */
  async has(path: string): Promise<boolean> {
    return await found(Deno.lstat(this.resolve(path))) !== undefined;
  }

  /** Replaces a file at once: it may be a program that runs. */
  async write(path: string, bytes: Uint8Array, mode: number): Promise<void> {
    const real = this.resolve(path);
    const next = `${real}.part`;
    await Deno.writeFile(next, bytes);
    await Deno.chmod(next, mode);
    await Deno.rename(next, real);
  }

  /** Makes the directories above a path; returns those that were missing. */
  async makeParents(path: string): Promise<string[]> {
    const made: string[] = [];
    for (const directory of parents(path)) {
      if (await this.has(directory)) continue;
      await Deno.mkdir(this.resolve(directory));
      // Whatever the umask: others have to read what is in it.
      await Deno.chmod(this.resolve(directory), 0o755);
      made.push(directory);
    }
    return made;
  }

  /** Removes a file, if there is one. */
  async remove(path: string): Promise<void> {
    await found(Deno.remove(this.resolve(path)));
  }

  /** Removes a directory that nobody else uses. */
  async removeIfEmpty(path: string): Promise<void> {
    try {
      await Deno.remove(this.resolve(path));
    } catch {
      // There is something in it, or it is gone already.
    }
  }
}

/** The directories above a path, outermost first. */
function parents(path: string): string[] {
  const names = path.split("/").slice(1, -1);
  return names.map((_, i) => `/${names.slice(0, i + 1).join("/")}`);
}

async function found<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
