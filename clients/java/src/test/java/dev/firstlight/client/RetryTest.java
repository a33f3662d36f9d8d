package dev.firstlight.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.firstlight.v1.*;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class RetryTest {
    private static final RecommendRequest ANY = RecommendRequest.getDefaultInstance();

    private final FakeServer server = new FakeServer();

    @AfterEach
    void stop() {
        server.close();
    }

    private FakeServer failing(int times, StatusRuntimeException failure) {
        return server.on(RecommendationServiceGrpc.getRecommendMethod(), (request, attempt) -> {
            if (attempt <= times) {
                throw failure;
            }
            return RecommendResponse.getDefaultInstance();
        });
    }

    private static StatusRuntimeException pushedBack(String value) {
        Metadata trailers = new Metadata();
        trailers.put(Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER), value);
        return Status.UNAVAILABLE.asRuntimeException(trailers);
    }

    private long pauseMs(int attempt) {
        return TimeUnit.NANOSECONDS.toMillis(server.timesNs.get(attempt) - server.timesNs.get(attempt - 1));
    }

    @ParameterizedTest
    @EnumSource(
            value = Status.Code.class,
            names = {"UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"})
    void failuresThatPassAreRetried(Status.Code code) {
        failing(2, code.toStatus().asRuntimeException());
        try (var client = FirstlightClient.connect(server.address())) {
            client.recommend(ANY);
        }
        assertEquals(3, server.requests.size());
    }

    @ParameterizedTest
    @EnumSource(
            value = Status.Code.class,
            names = {"INVALID_ARGUMENT", "INTERNAL", "ABORTED", "UNKNOWN"})
    void otherFailuresAreNot(Status.Code code) {
        failing(9, code.toStatus().asRuntimeException());
        try (var client = FirstlightClient.connect(server.address())) {
            assertThrows(FirstlightException.class, () -> client.recommend(ANY));
        }
        assertEquals(1, server.requests.size());
    }

    @Test
    void theFifthAttemptIsTheLastAndPausesGrow() {
        failing(9, Status.UNAVAILABLE.asRuntimeException());
        try (var client = FirstlightClient.connect(server.address())) {
            assertThrows(FirstlightException.Unavailable.class, () -> client.recommend(ANY));
        }
        assertEquals(5, server.requests.size());
        assertTrue(pauseMs(1) >= 70 && pauseMs(1) < 1200, "first pause: " + pauseMs(1));
        assertTrue(pauseMs(4) >= 1200, "last pause: " + pauseMs(4));
    }

    @Test
    void aPushBackIsWaitedFor() {
        failing(1, pushedBack("600"));
        try (var client = FirstlightClient.connect(server.address())) {
            client.recommend(ANY);
        }
        assertEquals(2, server.requests.size());
        assertTrue(pauseMs(1) >= 595 && pauseMs(1) < 2000, "pause: " + pauseMs(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "later", ""})
    void aPushBackCanForbidRetries(String value) {
        failing(9, pushedBack(value));
        try (var client = FirstlightClient.connect(server.address())) {
            assertThrows(FirstlightException.Unavailable.class, () -> client.recommend(ANY));
        }
        assertEquals(1, server.requests.size());
    }

    @Test
    void whatIsNotIdempotentIsNeverRepeated() {
        server.on(BundleServiceGrpc.getRollbackBundleMethod(), (request, attempt) -> {
            throw FakeServer.unavailable();
        });
        server.on(TrainingServiceGrpc.getCreateTrainingJobMethod(), (request, attempt) -> {
            throw FakeServer.unavailable();
        });
        server.onStream(
                TrainingServiceGrpc.getWatchTrainingJobMethod(),
                (request, observer) -> observer.onError(FakeServer.unavailable()));
        try (var client = FirstlightClient.connect(server.address());
                var watch = client.watchTrainingJob(WatchTrainingJobRequest.getDefaultInstance())) {
            assertThrows(
                    FirstlightException.Unavailable.class,
                    () -> client.rollbackBundle(RollbackBundleRequest.getDefaultInstance()));
            assertThrows(
                    FirstlightException.Unavailable.class,
                    () -> client.createTrainingJob(CreateTrainingJobRequest.getDefaultInstance()));
            assertThrows(FirstlightException.Unavailable.class, watch::findFirst);
        }
        assertEquals(3, server.requests.size());
    }

    @Test
    void retriesAreThrottled() {
        failing(999, pushedBack("1"));
        try (var client = FirstlightClient.connect(server.address())) {
            for (int call = 0; call < 15; call++) {
                assertThrows(FirstlightException.Unavailable.class, () -> client.recommend(ANY));
            }
        }
        assertTrue(server.requests.size() >= 52 && server.requests.size() <= 58, "attempts: " + server.requests.size());
    }

    @Test
    void aLargeRequestIsRetriedToo() {
        failing(1, Status.UNAVAILABLE.asRuntimeException());
        var history = IntStream.range(0, 100_000)
                .mapToObj(n -> HistoryEntry.newBuilder()
                        .setItemId("an-item-with-a-long-id-" + n)
                        .build())
                .toList();
        var request = RecommendRequest.newBuilder()
                .setQuery(Query.newBuilder().addAllHistory(history))
                .build();
        assertTrue(request.getSerializedSize() > 2 << 20);
        try (var client = FirstlightClient.connect(server.address())) {
            client.recommend(request);
        }
        assertEquals(2, server.requests.size());
    }

    @Test
    void retriesOfAWriteKeepItsRequestIdAndEachWriteHasItsOwn() {
        server.on(InteractionServiceGrpc.getBatchWriteInteractionsMethod(), (request, attempt) -> {
            if (attempt % 2 == 1) {
                throw FakeServer.unavailable();
            }
            return BatchWriteInteractionsResponse.newBuilder()
                    .setWriteToken("token-" + attempt)
                    .setWrittenCount(request.getInteractionsCount() - 1)
                    .setUnchangedCount(1)
                    .build();
        });
        var interactions = IntStream.range(0, 5)
                .mapToObj(n -> Interaction.newBuilder().setUserId("u" + n).build())
                .toList();
        try (var client = FirstlightClient.connect(server.address())) {
            var written = client.writeAll(interactions, 2);
            assertEquals("token-6", written.getWriteToken());
            assertEquals(2, written.getWrittenCount());
            assertEquals(3, written.getUnchangedCount());
        }
        List<BatchWriteInteractionsRequest> sent = server.requests.stream()
                .map(BatchWriteInteractionsRequest.class::cast)
                .toList();
        assertEquals(
                List.of(2, 2, 2, 2, 1, 1),
                sent.stream()
                        .map(BatchWriteInteractionsRequest::getInteractionsCount)
                        .toList());
        for (int first = 0; first < 6; first += 2) {
            assertEquals(sent.get(first), sent.get(first + 1));
        }
        Set<String> ids =
                sent.stream().map(BatchWriteInteractionsRequest::getRequestId).collect(Collectors.toSet());
        assertEquals(3, ids.size());
        assertTrue(ids.stream().allMatch(id -> id.length() == 36));
    }

    @Test
    void aCallWaitsForAServerThatStartsLater() throws Exception {
        int port = server.port();
        server.close();
        try (var client = FirstlightClient.connect("127.0.0.1:" + port)) {
            var answer = CompletableFuture.supplyAsync(() -> client.recommend(ANY));
            Thread.sleep(500);
            try (var later = new FakeServer(port, InsecureServerCredentials.create())) {
                later.on(
                        RecommendationServiceGrpc.getRecommendMethod(),
                        (request, attempt) -> RecommendResponse.getDefaultInstance());
                answer.get(10, TimeUnit.SECONDS);
            }
        }
    }

    @Test
    void withoutWaitingAServerThatIsNotThereIsAFailure() {
        server.close();
        try (var client = FirstlightClient.options()
                .waitForReady(false)
                .timeout(Duration.ofSeconds(30))
                .connect(server.address())) {
            assertThrows(FirstlightException.Unavailable.class, () -> client.recommend(ANY));
        }
    }

    @Test
    void waitingEndsAtTheDeadline() {
        server.close();
        try (var client =
                FirstlightClient.options().timeout(Duration.ofMillis(300)).connect(server.address())) {
            assertThrows(FirstlightException.Deadline.class, () -> client.recommend(ANY));
        }
    }
}
