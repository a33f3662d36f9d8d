package dev.firstlight.client;

import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.HandlerRegistry;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/** A server on loopback whose methods are lambdas. It keeps what arrived. */
final class FakeServer extends HandlerRegistry implements AutoCloseable {
    /** Answers attempt 1, 2, ... of a method, or throws a StatusRuntimeException. */
    interface Handler<Q, R> {
        R answer(Q request, int attempt);
    }

    /** Answers a stream. */
    interface StreamHandler<Q, R> {
        void answer(Q request, ServerCallStreamObserver<R> observer);
    }

    final HealthStatusManager health = new HealthStatusManager();
    final List<Object> requests = new CopyOnWriteArrayList<>();
    final List<Metadata> headers = new CopyOnWriteArrayList<>();
    final List<Long> timesNs = new CopyOnWriteArrayList<>();
    /** Of each request: seconds left, or NaN without a deadline. */
    final List<Double> secondsLeft = new CopyOnWriteArrayList<>();

    private final Map<String, ServerMethodDefinition<?, ?>> methods = new ConcurrentHashMap<>();
    private final Server server;
    private final int port;

    FakeServer() {
        this(0, InsecureServerCredentials.create());
    }

    FakeServer(int port, ServerCredentials credentials) {
        var builder = Grpc.newServerBuilderForPort(port, credentials)
                .maxInboundMessageSize(64 << 20)
                .permitKeepAliveWithoutCalls(true)
                .addService(health.getHealthService())
                .fallbackHandlerRegistry(this)
                .intercept(new ServerInterceptor() {
                    @Override
                    public <Q, R> ServerCall.Listener<Q> interceptCall(
                            ServerCall<Q, R> call, Metadata metadata, ServerCallHandler<Q, R> next) {
                        if (!call.getMethodDescriptor().getFullMethodName().startsWith("grpc.health")) {
                            headers.add(metadata);
                        }
                        return next.startCall(call, metadata);
                    }
                });
        try {
            server = builder.build().start();
            this.port = server.getPort();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    <Q, R> FakeServer on(MethodDescriptor<Q, R> method, Handler<Q, R> handler) {
        methods.put(
                method.getFullMethodName(),
                ServerMethodDefinition.create(method, ServerCalls.asyncUnaryCall((request, observer) -> {
                    int attempt = arrived(request);
                    try {
                        R answer = handler.answer(request, attempt);
                        observer.onNext(answer);
                        observer.onCompleted();
                    } catch (RuntimeException failure) {
                        observer.onError(failure);
                    }
                })));
        return this;
    }

    <Q, R> FakeServer onStream(MethodDescriptor<Q, R> method, StreamHandler<Q, R> handler) {
        methods.put(
                method.getFullMethodName(),
                ServerMethodDefinition.create(method, ServerCalls.asyncServerStreamingCall((request, observer) -> {
                    arrived(request);
                    handler.answer(request, (ServerCallStreamObserver<R>) observer);
                })));
        return this;
    }

    String address() {
        return "127.0.0.1:" + port();
    }

    int port() {
        return port;
    }

    @Override
    public ServerMethodDefinition<?, ?> lookupMethod(String name, String authority) {
        return methods.get(name);
    }

    @Override
    public void close() {
        server.shutdownNow();
        try {
            server.awaitTermination(5, TimeUnit.SECONDS);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    static RuntimeException unavailable() {
        return Status.UNAVAILABLE.withDescription("not now").asRuntimeException();
    }

    private synchronized int arrived(Object request) {
        var deadline = Context.current().getDeadline();
        secondsLeft.add(deadline == null ? Double.NaN : deadline.timeRemaining(TimeUnit.MILLISECONDS) / 1000.0);
        timesNs.add(System.nanoTime());
        requests.add(request);
        return (int) requests.stream()
                .filter(each -> each.getClass() == request.getClass())
                .count();
    }
}
