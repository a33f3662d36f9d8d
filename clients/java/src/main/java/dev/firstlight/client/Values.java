package dev.firstlight.client;

import dev.firstlight.v1.AttributeValue;
import dev.firstlight.v1.HistoryEntry;
import dev.firstlight.v1.StringList;
import java.util.List;

/** Parts of messages from plain values. */
public final class Values {
    private static final int LONGEST_HISTORY = 100_000;

    private Values() {}

    public static AttributeValue value(String text) {
        return AttributeValue.newBuilder().setStringValue(text).build();
    }

    public static AttributeValue value(long number) {
        return AttributeValue.newBuilder().setInt64Value(number).build();
    }

    public static AttributeValue value(double number) {
        return AttributeValue.newBuilder().setDoubleValue(number).build();
    }

    public static AttributeValue value(boolean truth) {
        return AttributeValue.newBuilder().setBoolValue(truth).build();
    }

    /** Several categories. */
    public static AttributeValue value(Iterable<String> names) {
        StringList list = StringList.newBuilder().addAllValues(names).build();
        return AttributeValue.newBuilder().setStringListValue(list).build();
    }

    /** The newest 100,000 entries of a history, oldest first: as many as a query may have. */
    public static List<HistoryEntry> newest(List<HistoryEntry> history) {
        return history.subList(Math.max(0, history.size() - LONGEST_HISTORY), history.size());
    }
}
