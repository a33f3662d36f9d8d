package dev.firstlight.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.firstlight.v1.*;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.stub.ServerCallStreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ClientTest {
    private static final RecommendRequest ANY = RecommendRequest.getDefaultInstance();

    private final FakeServer server = new FakeServer()
            .on(
                    RecommendationServiceGrpc.getRecommendMethod(),
                    (request, attempt) -> RecommendResponse.getDefaultInstance());

    @AfterEach
    void stop() {
        server.close();
    }

    private static void watched(ServerCallStreamObserver<WatchTrainingJobResponse> observer, TrainingJob.State state) {
        observer.onNext(WatchTrainingJobResponse.newBuilder()
                .setJob(TrainingJob.newBuilder().setState(state))
                .build());
    }

    @Test
    void theCatalogueIsFilledInWhereNoneIsNamed() {
        server.on(
                PluginServiceGrpc.getListPluginsMethod(),
                (request, attempt) -> ListPluginsResponse.getDefaultInstance());
        try (var client = FirstlightClient.options().catalogId("books").connect(server.address())) {
            client.recommend(ANY);
            client.recommend(ANY.toBuilder().setCatalogId("films").build());
            client.withCatalog("").recommend(ANY);
            client.withCatalog("music").recommend(ANY);
            client.listPlugins(0).forEach(each -> {});
        }
        var catalogs = server.requests.stream()
                .filter(RecommendRequest.class::isInstance)
                .map(each -> ((RecommendRequest) each).getCatalogId())
                .toList();
        assertEquals(List.of("books", "films", "", "music"), catalogs);
    }

    @Test
    void everyCallHasADeadline() {
        try (var client = FirstlightClient.connect(server.address())) {
            client.recommend(ANY);
            client.withTimeout(Duration.ofMinutes(1)).recommend(ANY);
            var soon = Context.current()
                    .withDeadline(Deadline.after(3, TimeUnit.SECONDS), Executors.newSingleThreadScheduledExecutor());
            soon.run(() -> client.recommend(ANY));
        }
        assertEquals(10, server.secondsLeft.get(0), 5);
        assertEquals(60, server.secondsLeft.get(1), 5);
        assertEquals(3, server.secondsLeft.get(2), 2);
    }

    @Test
    void aCallThatTakesTooLongEnds() {
        server.on(RecommendationServiceGrpc.getRecommendMethod(), (request, attempt) -> {
            sleep(3000);
            return RecommendResponse.getDefaultInstance();
        });
        long start = System.nanoTime();
        try (var client =
                FirstlightClient.options().timeout(Duration.ofMillis(200)).connect(server.address())) {
            var error = assertThrows(FirstlightException.Deadline.class, () -> client.recommend(ANY));
            assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
            assertEquals("", error.reason());
        }
        assertTrue(System.nanoTime() - start < 2_500_000_000L);
    }

    @Test
    void listsGoOverAllPagesAndFetchThemWhenNeeded() {
        server.on(ItemServiceGrpc.getListItemsMethod(), (request, attempt) -> {
            int page = request.getPageToken().isEmpty() ? 0 : Integer.parseInt(request.getPageToken());
            var answer = ListItemsResponse.newBuilder().setNextPageToken(page < 3 ? String.valueOf(page + 1) : "");
            for (int n = 0; page != 1 && n < request.getPageSize(); n++) {
                answer.addItems(Item.newBuilder().setItemId(page + "-" + n));
            }
            return answer.build();
        });
        try (var client = FirstlightClient.connect(server.address())) {
            var items = client.listItems(2);
            assertEquals(0, server.requests.size());
            assertEquals("0-0", items.iterator().next().getItemId());
            assertEquals(1, server.requests.size());
            var ids = StreamSupport.stream(items.spliterator(), false)
                    .map(Item::getItemId)
                    .toList();
            assertEquals(List.of("0-0", "0-1", "2-0", "2-1", "3-0", "3-1"), ids);
            assertEquals(5, server.requests.size());
        }
    }

    @Test
    void everyListHasItsOwnEntries() {
        server.on(
                UserServiceGrpc.getListUsersMethod(),
                (request, attempt) -> ListUsersResponse.newBuilder()
                        .addUsers(User.newBuilder().setUserId("u"))
                        .build());
        server.on(
                BundleServiceGrpc.getListBundlesMethod(),
                (request, attempt) -> ListBundlesResponse.newBuilder()
                        .addBundles(Bundle.newBuilder().setBundleId("b"))
                        .build());
        server.on(
                TrainingServiceGrpc.getListTrainingJobsMethod(),
                (request, attempt) -> ListTrainingJobsResponse.newBuilder()
                        .addJobs(TrainingJob.newBuilder().setJobId("j"))
                        .build());
        server.on(
                PluginServiceGrpc.getListPluginsMethod(),
                (request, attempt) -> ListPluginsResponse.newBuilder()
                        .addPlugins(Plugin.newBuilder().setName("p"))
                        .build());
        try (var client = FirstlightClient.connect(server.address())) {
            client.listUsers(1).forEach(each -> assertEquals("u", each.getUserId()));
            client.listBundles(1).forEach(each -> assertEquals("b", each.getBundleId()));
            client.listTrainingJobs(1).forEach(each -> assertEquals("j", each.getJobId()));
            client.listPlugins(1).forEach(each -> assertEquals("p", each.getName()));
        }
        assertEquals(4, server.requests.size());
    }

    @Test
    void aWatchWithoutDeadlineGoesOnToItsEnd() {
        server.onStream(TrainingServiceGrpc.getWatchTrainingJobMethod(), (request, observer) -> {
            watched(observer, TrainingJob.State.STATE_RUNNING);
            sleep(500);
            watched(observer, TrainingJob.State.STATE_SUCCEEDED);
            observer.onCompleted();
        });
        var options = FirstlightClient.options().catalogId("books").timeout(Duration.ofMillis(200));
        try (var client = options.connect(server.address());
                var watch = client.watchTrainingJob(WatchTrainingJobRequest.getDefaultInstance())) {
            var states = new ArrayList<TrainingJob.State>();
            watch.forEach(job -> states.add(job.getState()));
            assertEquals(List.of(TrainingJob.State.STATE_RUNNING, TrainingJob.State.STATE_SUCCEEDED), states);
        }
        assertTrue(server.secondsLeft.get(0).isNaN());
        assertEquals("books", ((WatchTrainingJobRequest) server.requests.get(0)).getCatalogId());
    }

    @Test
    void closingAWatchCancelsItAtTheServer() throws Exception {
        var cancelled = new CountDownLatch(1);
        server.onStream(TrainingServiceGrpc.getWatchTrainingJobMethod(), (request, observer) -> {
            observer.setOnCancelHandler(cancelled::countDown);
            watched(observer, TrainingJob.State.STATE_RUNNING);
        });
        try (var client = FirstlightClient.connect(server.address())) {
            var watch = client.watchTrainingJob(WatchTrainingJobRequest.getDefaultInstance());
            var jobs = watch.iterator();
            assertEquals(TrainingJob.State.STATE_RUNNING, jobs.next().getState());
            assertFalse(cancelled.await(100, TimeUnit.MILLISECONDS));
            watch.close();
            assertTrue(cancelled.await(5, TimeUnit.SECONDS));
            assertEquals(
                    Status.Code.CANCELLED,
                    assertThrows(FirstlightException.class, jobs::hasNext).code());
            client.recommend(ANY); // the connection lives on
        }
    }

    @Test
    void aWatchThatBreaksIsAFailure() {
        server.onStream(TrainingServiceGrpc.getWatchTrainingJobMethod(), (request, observer) -> {
            watched(observer, TrainingJob.State.STATE_RUNNING);
            observer.onError(FakeServer.unavailable());
        });
        try (var client = FirstlightClient.connect(server.address());
                var watch = client.watchTrainingJob(WatchTrainingJobRequest.getDefaultInstance())) {
            var jobs = watch.iterator();
            jobs.next();
            assertThrows(FirstlightException.Unavailable.class, jobs::next);
        }
    }

    @Test
    void healthIsWhatTheServerSays() {
        try (var client = FirstlightClient.connect(server.address())) {
            assertEquals(ServingStatus.SERVING, client.health());
            server.health.setStatus("", ServingStatus.NOT_SERVING);
            assertEquals(ServingStatus.NOT_SERVING, client.health());
        }
    }

    @Test
    void aLoneServerThatDrainsIsCalled() {
        server.health.setStatus("", ServingStatus.NOT_SERVING);
        try (var client = FirstlightClient.connect(server.address())) {
            client.recommend(ANY);
        }
        assertEquals(1, server.requests.size());
    }

    @Test
    void anEmptyBatchCallsNothingAndABatchHasItsLimits() {
        try (var client = FirstlightClient.connect(server.address())) {
            assertEquals(BatchWriteInteractionsResponse.getDefaultInstance(), client.writeAll(List.of()));
            assertThrows(IllegalArgumentException.class, () -> client.writeAll(List.of(), 0));
            assertThrows(IllegalArgumentException.class, () -> client.writeAll(List.of(), 10_001));
        }
        assertEquals(0, server.requests.size());
    }

    @Test
    void aRequestIdOfOnesOwnIsKept() {
        server.on(
                InteractionServiceGrpc.getBatchWriteInteractionsMethod(),
                (request, attempt) -> BatchWriteInteractionsResponse.newBuilder()
                        .setWriteToken(request.getRequestId())
                        .build());
        try (var client = FirstlightClient.connect(server.address())) {
            var request = BatchWriteInteractionsRequest.newBuilder();
            assertEquals(
                    36,
                    client.batchWriteInteractions(request.build())
                            .getWriteToken()
                            .length());
            request.setRequestId("mine");
            assertEquals("mine", client.batchWriteInteractions(request.build()).getWriteToken());
        }
    }

    @Test
    void stubsOfAnyKindHaveTheSameDefaults() throws Exception {
        server.on(ItemServiceGrpc.getGetItemMethod(), (request, attempt) -> {
            throw Status.NOT_FOUND.asRuntimeException();
        });
        try (var client = FirstlightClient.options().catalogId("books").connect(server.address())) {
            RecommendationServiceGrpc.newFutureStub(client.channel())
                    .recommend(ANY)
                    .get();
            var items = ItemServiceGrpc.newFutureStub(client.channel());
            var failure = assertThrows(
                    ExecutionException.class,
                    () -> items.getItem(GetItemRequest.getDefaultInstance()).get());
            assertEquals(
                    FirstlightException.NotFound.class,
                    FirstlightException.of(failure).getClass());
            assertEquals(StatusRuntimeException.class, failure.getCause().getClass());
        }
        assertEquals("books", ((RecommendRequest) server.requests.get(0)).getCatalogId());
        assertEquals(10, server.secondsLeft.get(0), 5);
    }

    @Test
    void anAnswerMayBeLarge() {
        server.on(
                RecommendationServiceGrpc.getRecommendMethod(),
                (request, attempt) -> RecommendResponse.newBuilder()
                        .setRecommendation(Recommendation.newBuilder().setStrategy("x".repeat(20 << 20)))
                        .build());
        try (var client = FirstlightClient.connect(server.address())) {
            assertEquals(
                    20 << 20,
                    client.recommend(ANY).getRecommendation().getStrategy().length());
        }
    }

    @Test
    void anInterruptEndsACall() throws Exception {
        server.on(RecommendationServiceGrpc.getRecommendMethod(), (request, attempt) -> {
            sleep(3000);
            return RecommendResponse.getDefaultInstance();
        });
        try (var client = FirstlightClient.connect(server.address())) {
            var threads = Executors.newSingleThreadExecutor();
            var answer = threads.submit(() -> client.recommend(ANY));
            sleep(300);
            threads.shutdownNow();
            var failure = assertThrows(ExecutionException.class, () -> answer.get(2, TimeUnit.SECONDS));
            assertEquals(Status.Code.CANCELLED, ((FirstlightException) failure.getCause()).code());
        }
    }

    private static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }
}
