// One door on its ports: its listener, its limits, and its certificates, which are renewed while it runs.

import { type Certificates, openCertificates } from "../adapters/clients/certificates.ts";
import { ConnectionLimits } from "../adapters/clients/connection-limits.ts";
import { type ClientTls, type Listener, type ListenPort, openListener } from "../adapters/clients/listener.ts";
import type { TlsTexts } from "../adapters/clients/tls.ts";
import type { Logger } from "../base/logger.ts";
import type { ConfiguredDoor, ListenSettings, TlsSettings } from "../protocols/configured-door.ts";
import type { Door } from "../transport/door.ts";

export interface OpenDoor {
  readonly name: string;
  readonly kind: string;
  readonly door: Door;
  /** `host:port` of each port, as configured. */
  readonly ports: readonly string[];
  /** Lets its clients go and stops listening. */
  close(): Promise<void>;
}

/** Rejects with `configuration` where a port cannot be had or files cannot be used; then the door is stopped. */
export async function openDoor(door: Door, { name, kind, listen }: ConfiguredDoor, log: Logger): Promise<OpenDoor> {
  let certificates: Certificates | null = null;
  let listener: Listener;
  try {
    certificates = await certificatesOf(listen.tls, log);
    listener = await listenFor(door, name, listen, certificates?.texts ?? null, log);
  } catch (error) {
    certificates?.close();
    door.stop();
    throw error;
  }
  const { tls } = listen;
  if (tls !== null) certificates?.onRenewed((texts) => listener.renewTls(clientTls(texts, tls)));
  return {
    name,
    kind,
    door,
    ports: portsOf(listen).map(({ host, port }) => `${host ?? "*"}:${port}`),
    async close() {
      certificates?.close();
      door.stop();
      await listener.close();
    },
  };
}

async function certificatesOf(tls: TlsSettings | null, log: Logger): Promise<Certificates | null> {
  if (tls === null) return null;
  const { keyFile, certificateFile, authoritiesFile, passphrase, ciphers, reload } = tls;
  return openCertificates(
    { keyFile, certificateFile, authoritiesFile, passphrase, ciphers, reload },
    "for clients",
    log,
  );
}

function listenFor(
  door: Door,
  doorName: string,
  listen: ListenSettings,
  texts: TlsTexts | null,
  logger: Logger,
): Promise<Listener> {
  return openListener({
    name: `${doorName} port`,
    ports: portsOf(listen),
    tls: texts === null || listen.tls === null ? undefined : clientTls(texts, listen.tls),
    limits: new ConnectionLimits({ perAddressMax: listen.connectionsPerAddressMax, totalMax: listen.connectionsMax }),
    backlog: listen.backlog ?? undefined,
    tcpKeepAlive: listen.tcpKeepAlive,
    logger,
    acceptor: door,
    onTurnedAway: (why) => door.noteTurnedAway(why),
  });
}

function portsOf({ plain, secure, portUnification }: ListenSettings): readonly ListenPort[] {
  const ports: ListenPort[] = [];
  if (plain !== null) ports.push({ ...addressOf(plain), speaks: portUnification ? "either" : "plain" });
  if (secure !== null) ports.push({ ...addressOf(secure), speaks: "tls" });
  return ports;
}

function addressOf({ host, port }: { readonly host: string | null; readonly port: number }) {
  return { host: host ?? undefined, port };
}

function clientTls(texts: TlsTexts, settings: TlsSettings): ClientTls {
  const { clientAuth, ciphers, versionMin, versionMax, verifyCallerHost } = settings;
  return {
    ...texts,
    clientAuth,
    minVersion: versionMin,
    maxVersion: versionMax,
    verifyClientHost: verifyCallerHost,
    ...(ciphers === null ? {} : { ciphers }),
  };
}
