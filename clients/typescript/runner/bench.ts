// A closed loop of unary Recommend, through the client or through the generated stub alone.

import { readFileSync } from "node:fs";
import { credentials, Metadata } from "@grpc/grpc-js";
import { connect, RecommendationServiceClient, RecommendRequest, type RecommendResponse } from "@firstlight/client";

const WARM_UP_MS = 500;

interface Given {
  server: string;
  seconds: number;
  inFlight: number;
  mode: string;
  request: string;
}

export async function bench(given: Given): Promise<object> {
  const request = RecommendRequest.decode(readFileSync(given.request));
  const { call, close } = given.mode === "bare" ? bare(given.server) : await wrapped(given.server);
  const start = performance.now() + WARM_UP_MS;
  const end = start + given.seconds * 1000;
  const latencies: number[] = [];
  let errors = 0;
  const loop = async (): Promise<void> => {
    for (let began = performance.now(); began < end; began = performance.now()) {
      try {
        await call(request);
      } catch {
        errors++;
        continue;
      }
      if (began >= start) latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: given.inFlight }, loop));
  const seconds = (performance.now() - start) / 1000;
  close();
  latencies.sort((a, b) => a - b);
  const percentile = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))];
  return { calls: latencies.length, seconds, p50_ms: percentile(0.5), p99_ms: percentile(0.99), errors };
}

async function wrapped(server: string) {
  const client = await connect(server);
  return {
    call: (request: RecommendRequest): Promise<RecommendResponse> => client.recommendations.recommend(request),
    close: () => {
      client.close();
    },
  };
}

/** Makes a message in each call, as a caller would. */
function bare(server: string) {
  const stub = new RecommendationServiceClient(server, credentials.createInsecure());
  return {
    call: (request: RecommendRequest) =>
      new Promise<RecommendResponse>((resolve, reject) => {
        const deadline = Date.now() + 10_000;
        stub.recommend(RecommendRequest.fromPartial(request), new Metadata(), { deadline }, (failure, response) => {
          if (failure) reject(failure);
          else resolve(response);
        });
      }),
    close: () => {
      stub.close();
    },
  };
}
