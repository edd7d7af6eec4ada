// What `cabildo dev` prints once the cluster is ready: how to reach it, from our own library first, and how to break it.
// With three members no line is longer than 80 columns.

import type { DevCluster } from "./dev-cluster.ts";
import { HOST } from "./dev-cluster.ts";

const colour = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
const styled = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

export const paint = { bold: styled(1), dim: styled(2), red: styled(31), green: styled(32) };

export interface ClusterFacts {
  readonly version: string;
  /** How long the start took. */
  readonly seconds: string;
  /** The process of each running member. */
  readonly pids: ReadonlyMap<number, number>;
  /** Whether keys are read from the terminal. */
  readonly hasKeys: boolean;
}

export function clusterLines(cluster: DevCluster, { version, seconds, pids, hasKeys }: ClusterFacts): string {
  const { members, directory, isTemporary } = cluster;
  const hosts = members.map(({ clientPort }) => `${HOST}:${clientPort}`).join(",");
  const many = members.length === 1 ? "1 member" : `${members.length} members`;
  const managed = members.map(({ adminPort }) => `${HOST}:${adminPort}`).join(" ");
  const kept = isTemporary ? paint.dim("removed at the end; --data DIR keeps it") : paint.dim("kept");
  return [
    "",
    `  ${paint.bold("cabildo")} ${version}   ${paint.green(`${many} ready`)} ${paint.dim(`in ${seconds} s`)}`,
    "",
    ...members.map(({ id, clientPort, adminPort }) => {
      const pid = `pid ${pids.get(id) ?? "-"}`.padEnd(11);
      return `  ${id}  ${HOST}:${clientPort}   ${pid} ${paint.dim(`http://${HOST}:${adminPort}/commands`)}`;
    }),
    "",
    `  connect("zookeeper://${hosts}")`,
    `  CABILDO_CONNECT=zookeeper://${hosts}`,
    `  ${paint.dim("ZooKeeper's clients")} ${hosts}`,
    "",
    `  ${paint.dim("status")} npx cabildo status ${managed}`,
    `  ${paint.dim("data  ")} ${directory}  ${kept}`,
    `  ${paint.dim("logs  ")} ${directory}/*/member.log`,
    hasKeys ? keyLine(members.length) : processLine(directory),
    "",
    "",
  ].join("\n");
}

function keyLine(members: number): string {
  const keys = members === 1 ? "1" : `1 to ${members}`;
  return `  ${paint.dim("keys  ")} ${keys}: kill that member, or start it again   Ctrl-C: end all`;
}

function processLine(directory: string): string {
  return [
    `  ${paint.dim("break ")} kill -9 PID`,
    `  ${paint.dim("mend  ")} npx cabildo server ${directory}/N/zoo.cfg`,
    `  ${paint.dim("Ctrl-C or SIGTERM ends all of it.")}`,
  ].join("\n");
}
