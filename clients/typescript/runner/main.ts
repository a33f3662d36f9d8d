// Starts the conformance cases or the benchmark; prints one JSON object.

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
    seconds: { type: "string", default: "5" },
    "in-flight": { type: "string", default: "16" },
    mode: { type: "string", default: "client" },
    request: { type: "string", default: "" },
  },
});

switch (positionals[0]) {
  case "conformance":
    console.log(JSON.stringify(await conformance({ ...values, faults: values.faults.split(",") })));
    break;
  case "bench":
    console.log(
      JSON.stringify(
        await bench({
          ...values,
          seconds: Number(values.seconds),
          inFlight: Number(values["in-flight"]),
        }),
      ),
    );
    break;
  default:
    console.error("usage: main.js conformance|bench --name value ...");
    process.exitCode = 2;
}
