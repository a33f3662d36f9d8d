package dev.firstlight.client;

import static dev.firstlight.client.Values.value;

import dev.firstlight.v1.Query;
import dev.firstlight.v1.RecommendRequest;

/** Somebody nobody has seen before gets a list; the argument is the server's address. */
public final class Example {
    public static void main(String[] args) {
        try (var client = FirstlightClient.connect(args.length > 0 ? args[0] : "127.0.0.1:7070")) {
            var query = Query.newBuilder().putProfile("age", value(25)).setLimit(5);
            var answer = client.recommend(
                    RecommendRequest.newBuilder().setQuery(query).build());
            for (var item : answer.getRecommendation().getItemsList()) {
                System.out.printf("%s %.3f %s%n", item.getItemId(), item.getScore(), item.getReasonText());
            }
        }
    }
}
