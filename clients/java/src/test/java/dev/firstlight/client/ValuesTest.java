package dev.firstlight.client;

import static dev.firstlight.client.Values.value;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.firstlight.v1.HistoryEntry;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ValuesTest {
    @Test
    void valuesKeepTheirKind() {
        assertEquals("ü", value("ü").getStringValue());
        assertEquals(25, value(25).getInt64Value());
        assertEquals(0.5, value(0.5).getDoubleValue());
        assertEquals(true, value(true).getBoolValue());
        assertEquals(
                List.of("calm", "new"),
                value(List.of("calm", "new")).getStringListValue().getValuesList());
    }

    @Test
    void aLongHistoryKeepsItsNewestEntries() {
        var history = IntStream.range(0, 100_005)
                .mapToObj(n -> HistoryEntry.newBuilder().setItemId("h" + n).build())
                .toList();
        var kept = Values.newest(history);
        assertEquals(100_000, kept.size());
        assertEquals("h5", kept.get(0).getItemId());
        assertEquals("h100004", kept.get(99_999).getItemId());
        assertEquals(List.of(), Values.newest(List.of()));
    }
}
