// The client against real members of a Cabildo cluster.
import { clientLaws } from "./support/laws.ts";

await clientLaws("cabildo");
