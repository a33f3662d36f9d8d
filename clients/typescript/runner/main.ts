// Starts the conformance cases or the benchmark; prints JSON, one object on a line.

import { parseArgs } from "node:util";
import { bench } from "./bench.js";
import { conformance } from "./conformance.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: "string", default: "" },
    server: { type: "string", default: "" },
    faults: { type: "string", default: "" },
    tls: { type: "string", default: "" },
    ca: { type: "string", default: "" },
    run: { type: "string", default: "" },
    "in-flight": { type: "string", default: "16" },
    request: { type: "string", default: "" },
  },
});

switch (positionals[0]) {
  case "conformance":
    console.log(JSON.stringify(await conformance({ ...values, faults: values.faults.split(",") })));
    break;
  case "bench":
    await bench({ ...values, inFlight: Number(values["in-flight"]) });
    break;
  default:
    console.error("usage: main.js conformance|bench --name value ...");
    process.exitCode = 2;
}
