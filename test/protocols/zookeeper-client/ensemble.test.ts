// The client against real members of a Cabildo cluster.
import { clientInvariants } from "./support/client-invariants.ts";

await clientInvariants("cabildo");
