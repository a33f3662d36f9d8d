package dev.firstlight.conformance;

import com.google.gson.JsonObject;
import dev.firstlight.client.FirstlightClient;
import dev.firstlight.v1.Query;
import dev.firstlight.v1.RecommendRequest;
import dev.firstlight.v1.RecommendationServiceGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Slices of unary Recommend in a closed loop, through the client or the bare stub, on one connection each. */
final class Bench {
    private Bench() {}

    /** Prints one line for each line {@code MODE SECONDS} of the standard input. */
    static void run(Map<String, String> given) throws Exception {
        var request = RecommendRequest.parseFrom(Files.readAllBytes(Path.of(given.get("request"))));
        int inFlight = Integer.parseInt(given.get("in-flight"));
        var channel = Grpc.newChannelBuilder(given.get("server"), InsecureChannelCredentials.create())
                .build();
        var stub = RecommendationServiceGrpc.newBlockingStub(channel);
        try (var client = FirstlightClient.connect(given.get("server"))) {
            Map<String, Runnable> calls = Map.of(
                    "client", () -> client.recommend(made(request)),
                    "bare", () -> stub.withDeadlineAfter(10, TimeUnit.SECONDS).recommend(made(request)));
            var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] words = line.split(" ");
                System.out.println(slice(calls.get(words[0]), Double.parseDouble(words[1]), inFlight));
            }
        } finally {
            channel.shutdownNow();
        }
    }

    /** A message made anew, as a caller would. */
    private static RecommendRequest made(RecommendRequest request) {
        Query query = request.getQuery();
        return RecommendRequest.newBuilder()
                .setQuery(Query.newBuilder().setUserId(query.getUserId()).setLimit(query.getLimit()))
                .build();
    }

    private static JsonObject slice(Runnable call, double seconds, int inFlight) throws InterruptedException {
        long start = System.nanoTime();
        var latencies = new ConcurrentLinkedQueue<Double>();
        var errors = new AtomicInteger();
        var threads = Executors.newFixedThreadPool(inFlight);
        for (int n = 0; n < inFlight; n++) {
            threads.execute(() -> {
                for (long began = start; began - start < 1e9 * seconds; began = System.nanoTime()) {
                    try {
                        call.run();
                        latencies.add((System.nanoTime() - began) / 1e6);
                    } catch (RuntimeException error) {
                        errors.incrementAndGet();
                    }
                }
            });
        }
        threads.shutdown();
        threads.awaitTermination(1, TimeUnit.MINUTES);
        var told = new JsonObject();
        told.addProperty("seconds", (System.nanoTime() - start) / 1e9);
        told.add("latencies_ms", Runner.JSON.toJsonTree(latencies));
        told.addProperty("errors", errors.get());
        return told;
    }
}
