package dev.firstlight.client;

import com.google.gson.Gson;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** How to connect and to call; {@link #connect} makes the client. */
public final class ClientOptions {
    private static final int MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

    private String catalogId = "";
    private Duration timeout = Duration.ofSeconds(10);
    private boolean waitForReady = true;
    private ChannelCredentials credentials = InsecureChannelCredentials.create();
    private String bearerToken = "";

    ClientOptions() {}

    /** The catalogue of every request that names none; empty, as it is by default, is the server's default. */
    public ClientOptions catalogId(String value) {
        catalogId = value;
        return this;
    }

    /** For one call with its retries: 10 seconds by default. A watch has none. */
    public ClientOptions timeout(Duration value) {
        timeout = value;
        return this;
    }

    /** Whether a call waits for the server until its timeout, as by default; else an unreachable one is a failure. */
    public ClientOptions waitForReady(boolean value) {
        waitForReady = value;
        return this;
    }

    /** {@link io.grpc.TlsChannelCredentials} for TLS; plaintext by default. */
    public ClientOptions credentials(ChannelCredentials value) {
        credentials = value;
        return this;
    }

    /** Sent with every call as {@code authorization: Bearer ...}; without TLS to loopback addresses only. */
    public ClientOptions bearerToken(String value) {
        bearerToken = value;
        return this;
    }

    /**
     * A client of the server at one address {@code host:port}, or at several that answer in turn, apart from those that
     * report NOT_SERVING. Does not wait: the first call connects.
     *
     * @throws IllegalArgumentException for an address without a port, or a bearer token that would go in clear
     */
    public FirstlightClient connect(String... addresses) {
        return new FirstlightClient(
                open(addresses, addresses.length > 1),
                () -> open(addresses, false),
                new CallDefaults(catalogId, timeout));
    }

    private ManagedChannel open(String[] addresses, boolean checkHealth) {
        ManagedChannelBuilder<?> builder = Grpc.newChannelBuilder(Addresses.target(addresses), credentials)
                .defaultServiceConfig(serviceConfig(checkHealth))
                .enableRetry()
                .perRpcBufferLimit(MAX_MESSAGE_BYTES) // a larger request is not retried, and 1 MiB is gRPC's default
                .retryBufferSize(4L * MAX_MESSAGE_BYTES)
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                .keepAliveTime(30, TimeUnit.SECONDS)
                .keepAliveTimeout(10, TimeUnit.SECONDS)
                .keepAliveWithoutCalls(true);
        if (!bearerToken.isEmpty()) {
            if (credentials instanceof InsecureChannelCredentials
                    && !Stream.of(addresses).allMatch(Addresses::isLoopback)) {
                throw new IllegalArgumentException("a bearer token goes over TLS, or to a loopback address");
            }
            Metadata headers = new Metadata();
            headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + bearerToken);
            builder.intercept(MetadataUtils.newAttachHeadersInterceptor(headers));
        }
        return builder.build();
    }

    /** The config that all Firstlight clients share, with the wish to wait in it, where it outranks call options. */
    @SuppressWarnings("unchecked") // Gson makes maps, lists and doubles, which is what gRPC takes
    private Map<String, ?> serviceConfig(boolean checkHealth) {
        try (var file = ClientOptions.class.getResourceAsStream("service_config.json")) {
            Map<String, Object> config =
                    new Gson().fromJson(new InputStreamReader(file, StandardCharsets.UTF_8), Map.class);
            for (var method : (List<Map<String, Object>>) config.get("methodConfig")) {
                method.put("waitForReady", waitForReady);
            }
            if (!checkHealth) {
                config.remove("healthCheckConfig");
            }
            return config;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
