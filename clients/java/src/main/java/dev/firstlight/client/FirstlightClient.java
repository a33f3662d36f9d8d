package dev.firstlight.client;

import dev.firstlight.v1.*;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.ClientCalls;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Calls a Firstlight server and waits for the answers; safe to share between threads. Requests and answers are the
 * messages of {@code dev.firstlight.v1}; every failure is a {@link FirstlightException}.
 */
public final class FirstlightClient extends Calls implements AutoCloseable {
    private static final int DEFAULT_BATCH = 1_000;
    private static final int LARGEST_BATCH = 10_000;

    private final ManagedChannel connection;
    private final Supplier<ManagedChannel> probe;
    private final CallDefaults defaults;
    private final Channel channel;

    /** {@code probe} opens a connection that also calls servers which report NOT_SERVING. */
    FirstlightClient(ManagedChannel connection, Supplier<ManagedChannel> probe, CallDefaults defaults) {
        this.connection = connection;
        this.probe = probe;
        this.defaults = defaults;
        channel = ClientInterceptors.intercept(connection, defaults);
    }

    /** A client with default options: see {@link ClientOptions#connect}. */
    public static FirstlightClient connect(String... addresses) {
        return options().connect(addresses);
    }

    public static ClientOptions options() {
        return new ClientOptions();
    }

    /** A client on the same connection. */
    public FirstlightClient withCatalog(String catalogId) {
        return new FirstlightClient(connection, probe, new CallDefaults(catalogId, defaults.timeout()));
    }

    /** A client on the same connection. */
    public FirstlightClient withTimeout(Duration timeout) {
        return new FirstlightClient(connection, probe, new CallDefaults(defaults.catalogId(), timeout));
    }

    /** For generated stubs of any kind; what they throw, {@link FirstlightException#of} explains. */
    public Channel channel() {
        return channel;
    }

    /** Closes the connection and whatever runs on it. */
    @Override
    public void close() {
        connection.shutdownNow();
    }

    /** A job now, and again at every change, until it has ended. Closing the stream ends the watch, not the job. */
    public Stream<TrainingJob> watchTrainingJob(WatchTrainingJobRequest request) {
        var context = Context.current().withCancellation();
        var before = context.attach(); // the call takes over the context it is made in
        try {
            var answers = TrainingServiceGrpc.newBlockingStub(channel).watchTrainingJob(request);
            Supplier<TrainingJob> next =
                    () -> answers.hasNext() ? answers.next().getJob() : null;
            return Stream.generate(() -> FirstlightException.orThrow(next))
                    .takeWhile(Objects::nonNull)
                    .onClose(() -> context.cancel(new CancellationException("the watch was closed")));
        } finally {
            context.detach(before);
        }
    }

    /** Writes any number of interactions, 1,000 in a call; counts are summed, the token is the last one. */
    public BatchWriteInteractionsResponse writeAll(Iterable<Interaction> interactions) {
        return writeAll(interactions, DEFAULT_BATCH);
    }

    /**
     * Writes any number of interactions, {@code batchSize} in a call. After a failure, the batches before it are
     * written, and it is safe to write everything again.
     */
    public BatchWriteInteractionsResponse writeAll(Iterable<Interaction> interactions, int batchSize) {
        if (batchSize < 1 || batchSize > LARGEST_BATCH) {
            throw new IllegalArgumentException("a batch has 1 to 10,000 interactions, not " + batchSize);
        }
        var all = BatchWriteInteractionsResponse.newBuilder();
        Iterator<Interaction> rest = interactions.iterator();
        while (rest.hasNext()) {
            var batch = BatchWriteInteractionsRequest.newBuilder();
            while (rest.hasNext() && batch.getInteractionsCount() < batchSize) {
                batch.addInteractions(rest.next());
            }
            var written = batchWriteInteractions(batch.build());
            all.setWriteToken(written.getWriteToken())
                    .setWrittenCount(all.getWrittenCount() + written.getWrittenCount())
                    .setUnchangedCount(all.getUnchangedCount() + written.getUnchangedCount());
        }
        return all.build();
    }

    /** The server's own word on its health, also where it is NOT_SERVING and other calls leave it out. */
    public ServingStatus health() {
        try (var client = new FirstlightClient(probe.get(), probe, defaults)) {
            return client.call(HealthGrpc.getCheckMethod(), HealthCheckRequest.getDefaultInstance())
                    .getStatus();
        }
    }

    @Override
    <Q, R> R call(MethodDescriptor<Q, R> method, Q request) {
        return FirstlightException.orThrow(
                () -> ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, request));
    }

    /** The entries of all pages, each of which is fetched when it is needed. */
    @Override
    <R, T> Iterable<T> pages(Function<String, R> fetch, Function<R, List<T>> entries, Function<R, String> nextToken) {
        return () -> Stream.iterate(fetch.apply(""), Objects::nonNull, page -> {
                    String token = nextToken.apply(page);
                    return token.isEmpty() ? null : fetch.apply(token);
                })
                .flatMap(page -> entries.apply(page).stream())
                .iterator();
    }
}
