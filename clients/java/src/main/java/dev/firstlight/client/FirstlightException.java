package dev.firstlight.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** A call that failed; its class says how, {@link #reason} why. The cause is gRPC's own exception. */
public class FirstlightException extends RuntimeException {
    private final Status.Code code;
    private final ErrorInfo info;

    private FirstlightException(Throwable cause) {
        super(cause.getMessage(), cause);
        code = Status.fromThrowable(cause).getCode();
        ErrorInfo given = detail(cause, ErrorInfo.class, ErrorInfo.getDefaultInstance());
        info = given.getDomain().equals("firstlight") ? given : ErrorInfo.getDefaultInstance();
    }

    /** What a failure of a generated stub means; the client's own methods throw this already. */
    public static FirstlightException of(Throwable failure) {
        return switch (Status.fromThrowable(failure).getCode()) {
            case INVALID_ARGUMENT -> new InvalidInput(failure);
            case NOT_FOUND -> new NotFound(failure);
            case ALREADY_EXISTS -> new Conflict(failure);
            case FAILED_PRECONDITION -> new Precondition(failure);
            case DATA_LOSS -> new CorruptBundle(failure);
            case UNAVAILABLE -> new Unavailable(failure);
            case DEADLINE_EXCEEDED -> new Deadline(failure);
            default -> new FirstlightException(failure);
        };
    }

    static <T> T orThrow(Supplier<T> call) {
        try {
            return call.get();
        } catch (StatusRuntimeException failure) {
            throw of(failure);
        }
    }

    public Status.Code code() {
        return code;
    }

    /** A name of {@code dev.firstlight.v1.ErrorReason} without its prefix, or one of a newer server; empty for none. */
    public String reason() {
        return info.getReason();
    }

    /** What belongs to the reason, such as {@code request_id}. */
    public Map<String, String> metadata() {
        return info.getMetadataMap();
    }

    private static <T extends Message> T detail(Throwable cause, Class<T> type, T none) {
        try {
            var status = StatusProto.fromThrowable(cause);
            for (Any any : status == null ? List.<Any>of() : status.getDetailsList()) {
                if (any.is(type)) {
                    return any.unpack(type);
                }
            }
        } catch (IllegalArgumentException | InvalidProtocolBufferException garbage) {
            // Details from elsewhere that cannot be read: the code and the message say enough.
        }
        return none;
    }

    /** INVALID_ARGUMENT: what was given cannot be used. */
    public static final class InvalidInput extends FirstlightException {
        private final BadRequest bad;

        private InvalidInput(Throwable cause) {
            super(cause);
            bad = detail(cause, BadRequest.class, BadRequest.getDefaultInstance());
        }

        /** The first bad fields, each with its path and what is wrong with it. */
        public List<BadRequest.FieldViolation> violations() {
            return bad.getFieldViolationsList();
        }

        /** How many bad fields there are. */
        public int total() {
            String total = metadata().getOrDefault("violations", "");
            return total.matches("\\d{1,9}") ? Integer.parseInt(total) : bad.getFieldViolationsCount();
        }
    }

    /** NOT_FOUND: the named thing does not exist. */
    public static final class NotFound extends FirstlightException {
        private NotFound(Throwable cause) {
            super(cause);
        }
    }

    /** ALREADY_EXISTS: the same key was used before for something else. */
    public static final class Conflict extends FirstlightException {
        private Conflict(Throwable cause) {
            super(cause);
        }
    }

    /** FAILED_PRECONDITION: the server is not in the state that the call needs. */
    public static final class Precondition extends FirstlightException {
        private Precondition(Throwable cause) {
            super(cause);
        }
    }

    /** DATA_LOSS: a bundle's bytes are not those that its manifest promises. */
    public static final class CorruptBundle extends FirstlightException {
        private CorruptBundle(Throwable cause) {
            super(cause);
        }
    }

    /** UNAVAILABLE: the same call may succeed later. */
    public static final class Unavailable extends FirstlightException {
        private Unavailable(Throwable cause) {
            super(cause);
        }
    }

    /** DEADLINE_EXCEEDED: there was no answer in time. */
    public static final class Deadline extends FirstlightException {
        private Deadline(Throwable cause) {
            super(cause);
        }
    }
}
