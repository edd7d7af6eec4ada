// The log lines about members that are refused here, and about members that refuse this one.

import type { HelloReply } from "./hello.ts";

/** What is wrong with a caller, after "it". */
export const CALLER_REFUSED: Readonly<Record<Exclude<HelloReply, "welcome" | "busy" | "prove">, string>> = {
  version: "speaks no version of this protocol that this member speaks",
  cluster: "belongs to another ensemble",
  "wrong-member": "wanted another member than this one",
  "same-member": "says that it is this member: two have the same `myid`",
  certificate: "has a certificate for another host",
  "secret-missing": "does not prove that it knows the ensemble's secret, and this member asks for that (peer.secret)",
  "secret-unknown": "asks for a proof by the ensemble's secret, and this member was given none (peer.secret)",
  "secret-differs": "does not know the ensemble's secret: the secrets differ, or it is no member",
  crowded: "is named by no configuration, and too many such callers are there already",
};

/** What the one called says is wrong with this member, or what is wrong with it, after its number and address. */
export const CALL_REFUSED: Readonly<Record<Exclude<HelloReply, "welcome" | "busy">, string>> = {
  version: "refuses this member: no version of the protocol is common to both",
  cluster: "refuses this member: it belongs to another ensemble",
  "wrong-member": "refuses this member: it is another member than the configuration says",
  "same-member": "refuses this member: both have the same `myid`",
  certificate: "refuses this member: its certificate names neither its address nor the host it is listed with",
  prove: "asks for a proof by the ensemble's secret, and this member was given none (peer.secret)",
  "secret-missing":
    "refuses this member: it asks for the ensemble's secret, and this member was given none (peer.secret)",
  "secret-unknown":
    "does not prove that it knows the ensemble's secret: it was given none, or is no member (peer.secret)",
  "secret-differs": "does not know the ensemble's secret: the secrets differ, or it is no member (peer.secret)",
  crowded: "refuses this member: no configuration names it, and too many such callers are there already",
};
