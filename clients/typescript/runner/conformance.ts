// The cases of tests/conformance, each with a client of its own. Nothing is judged here.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, connect, FirstlightError, InvalidInputError } from "@firstlight/client";
import { type Args, CALLS } from "./calls.js";

interface Given {
  cases: string;
  server: string;
  faults: string[];
  tls: string;
  ca: string;
  run: string;
}

interface Case {
  name: string;
  target: "server" | "faults" | "both_faults" | "tls";
  options?: { catalog_id?: string; timeout_s?: number; bearer_token?: string; wait_for_ready?: boolean };
  steps: { call: string; args?: Args; repeat?: number; save?: Record<string, string> }[];
}

type Outcome = Record<string, unknown>;

export async function conformance(given: Given): Promise<object> {
  const cases: Record<string, unknown[]> = {};
  const files = readdirSync(given.cases).filter((file) => file.endsWith(".json"));
  for (const file of files.sort()) {
    const list = JSON.parse(readFileSync(join(given.cases, file), "utf8")) as Case[];
    for (const each of list) cases[each.name] = await runCase(each, given).catch((error: unknown) => [crash(error)]);
  }
  return { language: "typescript", cases };
}

async function runCase({ target, options = {}, steps }: Case, given: Given): Promise<unknown[]> {
  const saved = new Map([["run", given.run]]);
  const { catalog_id, timeout_s, bearer_token, wait_for_ready } = filled(options, saved);
  const addresses = {
    server: given.server,
    faults: given.faults.slice(0, 1),
    both_faults: given.faults,
    tls: given.tls,
  }[target];
  const client = await connect(addresses, {
    catalogId: catalog_id,
    timeoutMs: timeout_s === undefined ? undefined : timeout_s * 1000,
    bearerToken: bearer_token,
    waitForReady: wait_for_ready,
    tls: target === "tls" && { caFile: given.ca },
  });
  const outcomes = [];
  for (const { call, args = {}, repeat, save = {} } of steps) {
    const made: Outcome[] = [];
    for (let i = 0; i < (repeat ?? 1); i++) made.push(await runStep(client, call, filled(args, saved)));
    outcomes.push(repeat === undefined ? made[0] : made);
    for (const [name, field] of Object.entries(save)) {
      const result = made.at(-1)?.["result"] as Record<string, string> | undefined;
      if (result?.[field] !== undefined) saved.set(name, result[field]);
    }
  }
  client.close();
  return outcomes;
}

async function runStep(client: Client, name: string, args: Args): Promise<Outcome> {
  const call = CALLS[name];
  if (call === undefined) return { unsupported: true };
  try {
    return { result: await call(client, args) };
  } catch (error) {
    if (!(error instanceof FirstlightError)) return crash(error);
    const { name, code, reason, metadata } = error;
    const outcome: Outcome = { class: name.replace(/^Firstlight(?=Error$)|Error$/, ""), code, reason, metadata };
    if (error instanceof InvalidInputError) {
      outcome["violations"] = error.violations.map(({ field, description }) => [field, description]);
      outcome["total"] = error.total;
    }
    return { error: outcome };
  }
}

function crash(error: unknown): Outcome {
  return { crash: String(error) };
}

/** `value` with `${name}` replaced and `$repeat` written out. */
function filled<T>(value: T, saved: Map<string, string>): T {
  return fill(value, saved) as T;
}

function fill(value: unknown, saved: Map<string, string>): unknown {
  if (typeof value === "string") return value.replace(/\$\{(\w+)\}/g, (all, name: string) => saved.get(name) ?? all);
  if (Array.isArray(value)) return value.map((each) => fill(each, saved));
  if (typeof value !== "object" || value === null) return value;
  if ("$repeat" in value) {
    const { count, value: of } = value.$repeat as { count: number; value: unknown };
    return Array.from({ length: count }, (_, i) => fill(of, new Map([...saved, ["i", String(i)]])));
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each, saved)]));
}
