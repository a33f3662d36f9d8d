package dev.firstlight.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.firstlight.v1.*;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ExampleTest {
    private static final Path EXAMPLE = Path.of("src/test/java/dev/firstlight/client/Example.java");

    @Test
    void itPrintsAListForSomebodyNew() {
        var printed = new ByteArrayOutputStream();
        PrintStream before = System.out;
        try (var server = new FakeServer()) {
            server.on(RecommendationServiceGrpc.getRecommendMethod(), (request, attempt) -> {
                assertEquals(25, request.getQuery().getProfileOrThrow("age").getInt64Value());
                var item = RecommendedItem.newBuilder()
                        .setItemId("item-02")
                        .setScore(0.5f)
                        .setReasonText("popular");
                return RecommendResponse.newBuilder()
                        .setRecommendation(Recommendation.newBuilder().addItems(item))
                        .build();
            });
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            Example.main(new String[] {server.address()});
        } finally {
            System.setOut(before);
        }
        assertEquals(String.format("item-02 %.3f popular%n", 0.5), printed.toString(StandardCharsets.UTF_8));
    }

    @Test
    void theReadmeShowsItWhole() throws Exception {
        String example = Files.readString(EXAMPLE).strip();
        assertTrue(Files.readString(Path.of("README.md")).contains("```java\n" + example + "\n```"));
    }
}
