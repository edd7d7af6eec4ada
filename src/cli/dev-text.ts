// What `cabildo dev` prints once the cluster is ready.

import type { DevCluster } from "./dev-cluster.ts";
import { HOST } from "./dev-cluster.ts";

const colour = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
const styled = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

export const paint = { bold: styled(1), dim: styled(2), red: styled(31), green: styled(32) };

export function clusterLines(
  { members, directory, isTemporary }: DevCluster,
  version: string,
  seconds: string,
): string {
  const addresses = members.map(({ clientPort }) => `${HOST}:${clientPort}`);
  const management = members.map(({ adminPort }) => `${HOST}:${adminPort}`);
  const hosts = addresses.join(",");
  const quoted = addresses.map((address) => `"${address}"`).join(", ");
  const clients: readonly (readonly [kind: string, line: string])[] = [
    ["shell", `zkCli.sh -server ${hosts}`],
    ["java", `new ZooKeeper("${hosts}", 10_000, event -> {})`],
    ["curator", `CuratorFrameworkFactory.newClient("${hosts}", new ExponentialBackoffRetry(1000, 3))`],
    ["kazoo", `KazooClient(hosts="${hosts}")`],
    ["go", `zk.Connect([]string{${quoted}}, 10*time.Second)`],
    ["node", `require("node-zookeeper-client").createClient("${hosts}")`],
    ["status", `npx cabildo status ${management.join(" ")}`],
  ];
  const kept = isTemporary ? `${directory} ${paint.dim("(gone in the end; --data DIR keeps it)")}` : directory;
  const many = members.length === 1 ? "1 member" : `${members.length} members`;
  return [
    "",
    `  ${paint.bold("cabildo")} ${version}   ${paint.green(`${many} ready`)} ${paint.dim(`in ${seconds} s`)}`,
    "",
    ...members.map(({ id, clientPort, adminPort }) => {
      const admin = paint.dim(`   http://${HOST}:${adminPort}/commands`);
      return `  ${id}  ${HOST}:${clientPort}${admin}`;
    }),
    "",
    ...clients.map(([kind, line]) => `  ${paint.dim(kind.padEnd(8))} ${line}`),
    "",
    `  ${paint.dim("data".padEnd(8))} ${kept}`,
    `  ${paint.dim("logs".padEnd(8))} ${directory}/*/member.log`,
    `  ${paint.dim("Ctrl-C ends all of it.")}`,
    "",
    "",
  ].join("\n");
}
