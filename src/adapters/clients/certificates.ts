// Keys and certificates as files. They are read at the start and, if that is asked for, again when they change. All listeners
// with the same files get the new ones at once. Files that do not fit together, for instance while they are being replaced, are
// ignored until they do.

import { readFile, stat } from "node:fs/promises";
import { CoordinationError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { checkUsable, type TlsTexts } from "./tls.ts";

export interface CertificateFiles {
  /** PEM files; they may be one and the same. */
  readonly keyFile: string;
  readonly certificateFile: string;
  /** Whom to trust; null: the authorities that the system trusts. */
  readonly authoritiesFile: string | null;
  readonly passphrase: string | null;
  /** The ciphers that key and certificate must work with; null: Node's own choice. */
  readonly ciphers: string | null;
  /** Whether to look for new files while running. */
  readonly reload: boolean;
}

export interface Certificates {
  /** What the newest usable files hold. */
  readonly texts: TlsTexts;
  /** Calls `use` with what new files hold. It throws if they cannot be used; that is logged, and the old ones stay. */
  onRenewed(use: (texts: TlsTexts) => void): void;
  /** Stops looking for new files. */
  close(): void;
}

const LOOK_EVERY_MS = 1000;

/**
 * `what`: whom they are for, in log lines ("for clients"). Rejects with `configuration` where the files cannot be read, or
 * do not go together.
 */
export async function openCertificates(files: CertificateFiles, what: string, log: Logger): Promise<Certificates> {
  const stamp = await stampOf(files); // before they are read: what changes meanwhile is read again
  const certificates = new WatchedCertificates(files, what, log, stamp, await readUsable(files));
  return certificates;
}

class WatchedCertificates implements Certificates {
  texts: TlsTexts;
  readonly #files: CertificateFiles;
  readonly #what: string;
  readonly #log: Logger;
  readonly #uses: ((texts: TlsTexts) => void)[] = [];
  readonly #stamp: string;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(files: CertificateFiles, what: string, log: Logger, stamp: string, texts: TlsTexts) {
    this.#files = files;
    this.#what = what;
    this.#log = log;
    this.#stamp = stamp;
    this.texts = texts;
  }

  onRenewed(use: (texts: TlsTexts) => void): void {
    this.#uses.push(use);
    if (this.#files.reload && this.#timer === null) this.#watch(this.#stamp); // not before somebody uses what is found
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** `seen`: the stamp of the files that are in use, or were refused. */
  #watch(seen: string): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(async () => {
      const stamp = await stampOf(this.#files);
      if (stamp !== seen && !this.#isClosed) await this.#renew();
      this.#watch(stamp);
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async #renew(): Promise<void> {
    try {
      const texts = await readUsable(this.#files);
      if (this.#isClosed) return;
      for (const use of this.#uses) use(texts);
      this.texts = texts;
      this.#log.info(`new certificates ${this.#what} are in use, from ${this.#files.certificateFile}`);
    } catch (error) {
      const why = (error as Error).message;
      this.#log.warn(`the new certificates ${this.#what} cannot be used, the old ones stay: ${why}`);
    }
  }
}

async function readUsable(files: CertificateFiles): Promise<TlsTexts> {
  try {
    const texts = await readTexts(files);
    checkUsable({ ...texts, ...(files.ciphers === null ? {} : { ciphers: files.ciphers }) });
    return texts;
  } catch (cause) {
    const names = [...new Set([files.keyFile, files.certificateFile])].join(" and ");
    const message = `TLS with ${names} cannot be: ${(cause as Error).message}`;
    throw new CoordinationError("configuration", "not-applied", message, { cause });
  }
}

async function readTexts(files: CertificateFiles): Promise<TlsTexts> {
  const { keyFile, certificateFile, authoritiesFile, passphrase } = files;
  return {
    key: await readFile(keyFile, "utf8"),
    cert: await readFile(certificateFile, "utf8"),
    ...(authoritiesFile === null ? {} : { ca: await readFile(authoritiesFile, "utf8") }),
    ...(passphrase === null ? {} : { passphrase }),
  };
}

/** Changes with every change of the files, and of the files that links lead to. */
async function stampOf({ keyFile, certificateFile, authoritiesFile }: CertificateFiles): Promise<string> {
  const paths = [keyFile, certificateFile, ...(authoritiesFile === null ? [] : [authoritiesFile])];
  const stamps = paths.map(async (path) => {
    try {
      const { ino, size, mtimeNs } = await stat(path, { bigint: true });
      return `${ino} ${size} ${mtimeNs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  });
  return (await Promise.all(stamps)).join();
}
