package dev.firstlight.client;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Gives calls what their caller left out: deadline, catalogue and, so that retries write once, request id. */
record CallDefaults(String catalogId, Duration timeout) implements ClientInterceptor {
    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
        boolean watch = method.getType() == MethodDescriptor.MethodType.SERVER_STREAMING;
        CallOptions timed = watch || options.getDeadline() != null
                ? options
                : options.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
        return new SimpleForwardingClientCall<>(next.newCall(method, timed)) {
            @Override
            public void sendMessage(Q request) {
                Q named = catalogId.isEmpty() ? request : filled(request, "catalog_id", () -> catalogId);
                super.sendMessage(
                        filled(named, "request_id", () -> UUID.randomUUID().toString()));
            }
        };
    }

    @SuppressWarnings("unchecked") // a builder builds what it was made from
    private static <Q> Q filled(Q request, String name, Supplier<String> value) {
        Message message = (Message) request;
        FieldDescriptor field = message.getDescriptorForType().findFieldByName(name);
        return field == null || message.hasField(field)
                ? request
                : (Q) message.toBuilder().setField(field, value.get()).build();
    }
}
