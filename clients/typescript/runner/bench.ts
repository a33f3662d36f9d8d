// Slices of unary Recommend in a closed loop, through the client or through the generated stub alone.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { credentials, Metadata } from "@grpc/grpc-js";
import { connect, RecommendationServiceClient, RecommendRequest, type RecommendResponse } from "@firstlight/client";

interface Given {
  server: string;
  inFlight: number;
  request: string;
}

type Call = (request: RecommendRequest) => Promise<RecommendResponse>;

/** Prints one line for each line `MODE SECONDS` of the standard input. */
export async function bench(given: Given): Promise<void> {
  const request = RecommendRequest.decode(readFileSync(given.request));
  const client = await connect(given.server);
  const stub = new RecommendationServiceClient(given.server, credentials.createInsecure());
  const calls: Record<string, Call> = { client: client.recommendations.recommend, bare: bare(stub) };
  for await (const line of createInterface({ input: process.stdin })) {
    const [mode = "", seconds] = line.split(" ");
    const call = calls[mode];
    if (!call) throw new TypeError(`no mode: ${mode}`);
    console.log(JSON.stringify(await slice(() => call(request), Number(seconds), given.inFlight)));
  }
  client.close();
  stub.close();
}

async function slice(call: () => Promise<RecommendResponse>, length: number, inFlight: number): Promise<object> {
  const start = performance.now();
  const latencies_ms: number[] = [];
  let errors = 0;
  const loop = async (): Promise<void> => {
    for (let began = start; began < start + length * 1000; began = performance.now()) {
      try {
        await call();
        latencies_ms.push(performance.now() - began);
      } catch {
        errors++;
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return { seconds: (performance.now() - start) / 1000, latencies_ms, errors };
}

/** Makes a message in each call, as a caller would. */
const bare =
  (stub: RecommendationServiceClient): Call =>
  (request) =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + 10_000;
      stub.recommend(RecommendRequest.fromPartial(request), new Metadata(), { deadline }, (failure, response) => {
        if (failure) reject(failure);
        else resolve(response);
      });
    });
