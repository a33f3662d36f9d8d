package dev.firstlight.client;

import static dev.firstlight.client.Values.value;

import dev.firstlight.v1.*;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The five calls of docs/clients.md; the argument is the server's address. */
public final class FiveCalls {
    public static void main(String[] args) {
        var options = FirstlightClient.options().catalogId("default").timeout(Duration.ofSeconds(5));
        try (var client = options.connect(args[0])) {
            run(client);
        }
    }

    private static void run(FirstlightClient client) {
        // 1. Somebody new
        var clicked = HistoryEntry.newBuilder().setItemId("item-02").setValue(5.0);
        var query = Query.newBuilder()
                .putProfile("age", value(25))
                .addHistory(clicked)
                .setLimit(5);
        var first =
                client.recommend(RecommendRequest.newBuilder().setQuery(query).build());
        for (var item : first.getRecommendation().getItemsList()) {
            System.out.println(item.getItemId() + " " + item.getReasonText());
        }

        // 2. Read your writes
        var liked =
                Interaction.newBuilder().setUserId("ada").setItemId("item-02").setValue(5.0);
        var written = client.writeAll(List.of(liked.build()));
        var answer = client.recommend(RecommendRequest.newBuilder()
                .setQuery(Query.newBuilder().setUserId("ada"))
                .setMinWriteToken(written.getWriteToken())
                .build());

        // 3. A new item
        var item = Item.newBuilder()
                .setItemId("item-new")
                .putAttributes("title", value("A new one"))
                .putAttributes("genres", value(List.of("calm", "new")));
        var stored = client.batchUpsertItems(
                BatchUpsertItemsRequest.newBuilder().addItems(item).build());
        var nearest = client.findSimilarItems(FindSimilarItemsRequest.newBuilder()
                .setItemId("item-new")
                .setLimit(3)
                .setMinWriteToken(stored.getWriteToken())
                .build());

        // 4. Every page of a list
        var userIds = new ArrayList<String>();
        for (var user : client.listUsers(500)) {
            userIds.add(user.getUserId());
        }

        // 5. A failure
        try {
            client.getItem(GetItemRequest.newBuilder().setItemId("nowhere").build());
        } catch (FirstlightException.NotFound error) {
            System.out.println(error.reason());
        }

        // end
        System.out.println(answer.getRecommendation().getScenario() + " "
                + nearest.getRecommendation().getItemsCount() + " " + userIds.size());
    }
}
