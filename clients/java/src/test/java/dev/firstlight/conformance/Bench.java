package dev.firstlight.conformance;

import com.google.gson.JsonObject;
import dev.firstlight.client.FirstlightClient;
import dev.firstlight.v1.Query;
import dev.firstlight.v1.RecommendRequest;
import dev.firstlight.v1.RecommendationServiceGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A closed loop of unary Recommend on one connection, through the client or the bare stub. */
final class Bench {
    private static final double WARM_UP_S = 3; // half a second would measure the compiler of the JVM

    private Bench() {}

    static JsonObject run(Map<String, String> given) throws IOException, InterruptedException {
        RecommendRequest request = RecommendRequest.parseFrom(Files.readAllBytes(Path.of(given.get("request"))));
        double seconds = Double.parseDouble(given.get("seconds"));
        int inFlight = Integer.parseInt(given.getOrDefault("in-flight", "16"));
        if (given.get("mode").equals("client")) {
            try (var client = FirstlightClient.connect(given.get("server"))) {
                return loop(() -> client.recommend(made(request)), inFlight, seconds);
            }
        }
        var channel = Grpc.newChannelBuilder(given.get("server"), InsecureChannelCredentials.create())
                .build();
        var stub = RecommendationServiceGrpc.newBlockingStub(channel);
        try {
            return loop(() -> stub.withDeadlineAfter(10, TimeUnit.SECONDS).recommend(made(request)), inFlight, seconds);
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

    private static JsonObject loop(Runnable call, int inFlight, double seconds) throws InterruptedException {
        long start = System.nanoTime() + Math.round(1e9 * WARM_UP_S);
        long end = start + Math.round(1e9 * seconds);
        List<List<Long>> latencies = Stream.generate(() -> (List<Long>) new ArrayList<Long>())
                .limit(inFlight)
                .toList();
        int[] errors = new int[inFlight];
        List<Thread> threads = new ArrayList<>();
        for (int n = 0; n < inFlight; n++) {
            int mine = n;
            threads.add(new Thread(() -> {
                for (long began = System.nanoTime(); began < end; began = System.nanoTime()) {
                    try {
                        call.run();
                        if (began >= start) {
                            latencies.get(mine).add(System.nanoTime() - began);
                        }
                    } catch (RuntimeException error) {
                        errors[mine]++;
                    }
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        double lasted = (System.nanoTime() - start) / 1e9;
        long[] sorted = latencies.stream()
                .flatMap(List::stream)
                .mapToLong(Long::longValue)
                .sorted()
                .toArray();
        JsonObject figures = new JsonObject();
        figures.addProperty("calls", sorted.length);
        figures.addProperty("seconds", Math.round(1000 * lasted) / 1000.0);
        figures.addProperty("p50_ms", percentile(sorted, 0.5));
        figures.addProperty("p99_ms", percentile(sorted, 0.99));
        figures.addProperty("errors", java.util.Arrays.stream(errors).sum());
        return figures;
    }

    private static double percentile(long[] sorted, double share) {
        if (sorted.length == 0) {
            return 0;
        }
        long ns = sorted[Math.min(sorted.length - 1, (int) (share * sorted.length))];
        return Math.round(ns / 1e3) / 1e3;
    }
}
