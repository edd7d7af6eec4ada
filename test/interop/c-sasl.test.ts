// The C client before a member that demands SASL and knows no users: it starts, and lets nobody in.
import { cClient } from "./c.ts";
import { prepareStage } from "./stage.ts";

const stage = await prepareStage({
  runtime: cClient,
  members: 1,
  config: [
    "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
    "sessionRequireClientSASLAuth=true",
  ],
});

stage.laws("the C client, SASL demanded", (runtime, servers) => runtime.scenario("sasl-demanded", servers));
