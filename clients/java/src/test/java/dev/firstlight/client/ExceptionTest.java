package dev.firstlight.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ExceptionTest {
    private static StatusRuntimeException failure(Status.Code code, ErrorInfo info, String... fields) {
        var bad = BadRequest.newBuilder();
        for (String field : fields) {
            bad.addFieldViolationsBuilder().setField(field).setDescription("is no id");
        }
        return StatusProto.toStatusRuntimeException(com.google.rpc.Status.newBuilder()
                .setCode(code.value())
                .setMessage("made to fail")
                .addDetails(Any.pack(bad.build()))
                .addDetails(Any.pack(info))
                .build());
    }

    private static ErrorInfo info(String reason, Map<String, String> metadata) {
        return ErrorInfo.newBuilder()
                .setDomain("firstlight")
                .setReason(reason)
                .putAllMetadata(metadata)
                .build();
    }

    @ParameterizedTest
    @EnumSource(
            value = Status.Code.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"OK"})
    void theClassFollowsTheCode(Status.Code code) {
        var classes = Map.of(
                Status.Code.INVALID_ARGUMENT, FirstlightException.InvalidInput.class,
                Status.Code.NOT_FOUND, FirstlightException.NotFound.class,
                Status.Code.ALREADY_EXISTS, FirstlightException.Conflict.class,
                Status.Code.FAILED_PRECONDITION, FirstlightException.Precondition.class,
                Status.Code.DATA_LOSS, FirstlightException.CorruptBundle.class,
                Status.Code.UNAVAILABLE, FirstlightException.Unavailable.class,
                Status.Code.DEADLINE_EXCEEDED, FirstlightException.Deadline.class);
        var cause = failure(code, info("INTERNAL", Map.of("request_id", "7")));
        var error = FirstlightException.of(cause);
        assertEquals(classes.getOrDefault(code, FirstlightException.class), error.getClass());
        assertEquals(code, error.code());
        assertEquals("INTERNAL", error.reason());
        assertEquals(Map.of("request_id", "7"), error.metadata());
        assertEquals(code + ": made to fail", error.getMessage());
        assertSame(cause, error.getCause());
    }

    @Test
    void violationsAreNamedAndCounted() {
        var cause = failure(
                Status.Code.INVALID_ARGUMENT,
                info("INVALID_FIELD", Map.of("violations", "700")),
                "items[0].item_id",
                "items[1].item_id");
        var error = assertInstanceOf(FirstlightException.InvalidInput.class, FirstlightException.of(cause));
        assertEquals(
                List.of("items[0].item_id", "items[1].item_id"),
                error.violations().stream()
                        .map(BadRequest.FieldViolation::getField)
                        .toList());
        assertEquals("is no id", error.violations().get(0).getDescription());
        assertEquals(700, error.total());
    }

    @Test
    void withoutACountTheNamedOnesAreCounted() {
        for (String count : List.of("many", "", "99999999999999")) {
            var cause = failure(Status.Code.INVALID_ARGUMENT, info("INVALID_FIELD", Map.of("violations", count)), "a");
            var error = assertInstanceOf(FirstlightException.InvalidInput.class, FirstlightException.of(cause));
            assertEquals(1, error.total());
        }
    }

    @Test
    void reasonsOfOthersAreNotOurs() {
        var other = ErrorInfo.newBuilder().setDomain("proxy").setReason("RATE_LIMIT");
        assertEquals(
                "",
                FirstlightException.of(failure(Status.Code.UNAVAILABLE, other.build()))
                        .reason());
    }

    @Test
    void detailsThatCannotBeReadHideNothing() {
        Metadata trailers = new Metadata();
        trailers.put(
                Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER), new byte[] {-1, -1, -1});
        var error =
                FirstlightException.of(Status.NOT_FOUND.withDescription("no").asRuntimeException(trailers));
        assertInstanceOf(FirstlightException.NotFound.class, error);
        assertEquals("NOT_FOUND: no", error.getMessage());
        assertEquals("", error.reason());
    }

    @Test
    void failuresOfFuturesAreExplainedToo() {
        var cause = new ExecutionException(failure(Status.Code.NOT_FOUND, info("ITEM_NOT_FOUND", Map.of())));
        assertEquals("ITEM_NOT_FOUND", FirstlightException.of(cause).reason());
        assertEquals(
                Status.Code.UNKNOWN,
                FirstlightException.of(new IllegalStateException("odd")).code());
    }
}
