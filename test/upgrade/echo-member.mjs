// Runs echo-member.ts, which Node alone cannot: `node echo-member.mjs server zoo.cfg`.
import { register } from "tsx/esm/api";

register();
const { runEchoMember } = await import("./echo-member.ts");
await runEchoMember(process.argv[3]);
