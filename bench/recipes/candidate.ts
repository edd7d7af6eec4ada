// One candidate in a process of its own: says when it leads, as the first thing that a leader does. Arguments: servers,
// the election's name, its session's timeout.
import { connect } from "../../src/index.ts";

const [servers, name, timeout] = process.argv.slice(2);
const c = await connect(servers!, { sessionTimeoutMs: Number(timeout) });
console.log("stands");
for await (const term of c.election(name!).campaign({ id: String(process.pid) })) {
  console.log(`leads with token ${term.token}`);
  await new Promise((resolve) => term.signal.addEventListener("abort", resolve));
}
