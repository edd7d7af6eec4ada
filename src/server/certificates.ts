// Keys and certificates as files: read at the start, and again while running when they have changed, where that is asked
// for. Files that do not go together, as in the middle of being replaced, are left until they do.

import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../replica/logger.ts";
import type { TlsSettings } from "./configuration/configuration.ts";

export interface TlsTexts {
  readonly key: string;
  readonly cert: string;
  readonly ca?: string;
  readonly passphrase?: string;
}

const LOOK_EVERY_MS = 1000;

/** Rejects with `configuration` where the files cannot be read, or do not go together. */
export async function readTls(settings: TlsSettings): Promise<TlsTexts> {
  try {
    const texts = await readTexts(settings);
    createSecureContext({ ...texts, ...(settings.ciphers === null ? {} : { ciphers: settings.ciphers }) });
    return texts;
  } catch (cause) {
    const files = [...new Set([settings.keyFile, settings.certificateFile])].join(" and ");
    const message = `TLS with ${files} cannot be: ${(cause as Error).message}`;
    throw new CoordinationError("configuration", "not-applied", message, { cause });
  }
}

async function readTexts({ keyFile, certificateFile, authoritiesFile, passphrase }: TlsSettings): Promise<TlsTexts> {
  return {
    key: await readFile(keyFile, "utf8"),
    cert: await readFile(certificateFile, "utf8"),
    ...(authoritiesFile === null ? {} : { ca: await readFile(authoritiesFile, "utf8") }),
    ...(passphrase === null ? {} : { passphrase }),
  };
}

/**
 * Calls `use` with what new files hold; it throws if they cannot be used, which is told once, and the old ones stay.
 * Returns how to stop looking.
 */
export async function watchTls(
  settings: TlsSettings,
  what: string,
  use: (texts: TlsTexts) => void,
  log: Logger,
): Promise<() => void> {
  let seen = await stampOf(settings);
  let isStopped = false;
  let timer = setTimeout(look, LOOK_EVERY_MS).unref();

  async function look(): Promise<void> {
    const stamp = await stampOf(settings);
    if (stamp !== seen && !isStopped) {
      seen = stamp;
      await take();
    }
    if (!isStopped) timer = setTimeout(look, LOOK_EVERY_MS).unref();
  }

  async function take(): Promise<void> {
    try {
      const texts = await readTls(settings);
      if (isStopped) return;
      use(texts);
      log.info(`new certificates ${what} are in use, from ${settings.certificateFile}`);
    } catch (error) {
      log.warn(`the new certificates ${what} cannot be used, the old ones stay: ${(error as Error).message}`);
    }
  }

  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

/** Changes with every change of the files, of what a link leads to as well. */
async function stampOf({ keyFile, certificateFile, authoritiesFile }: TlsSettings): Promise<string> {
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
