package dev.firstlight.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Timestamp;
import dev.firstlight.client.Values;
import dev.firstlight.v1.*;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Messages from the JSON of a case, and attributes back. */
final class Messages {
    private Messages() {}

    static Query query(JsonObject args) {
        return Query.newBuilder()
                .setUserId(Calls.text(args, "user_id"))
                .putAllProfile(attributes(args, "profile"))
                .addAllHistory(Values.newest(Calls.each(args, "history", Messages::entry)))
                .addAllContextItemIds(Calls.texts(args, "context"))
                .addAllExcludeItemIds(Calls.texts(args, "exclude"))
                .setLimit(Calls.number(args, "limit"))
                .setIncludeSeen(Calls.truth(args, "include_seen"))
                .setRoute(
                        args.has("route")
                                ? Route.valueOf("ROUTE_" + Calls.text(args, "route"))
                                : Route.ROUTE_UNSPECIFIED)
                .build();
    }

    private static HistoryEntry entry(JsonElement pair) {
        JsonArray cells = pair.getAsJsonArray();
        HistoryEntry.Builder entry =
                HistoryEntry.newBuilder().setItemId(cells.get(0).getAsString());
        if (!cells.get(1).isJsonNull()) {
            entry.setValue(cells.get(1).getAsDouble());
        }
        return entry.build();
    }

    static Item item(JsonElement given) {
        JsonObject item = given.getAsJsonObject();
        return Item.newBuilder()
                .setItemId(Calls.text(item, "id"))
                .putAllAttributes(attributes(item, "attributes"))
                .build();
    }

    static User user(JsonElement given) {
        JsonObject user = given.getAsJsonObject();
        return User.newBuilder()
                .setUserId(Calls.text(user, "id"))
                .putAllAttributes(attributes(user, "attributes"))
                .build();
    }

    static Interaction interaction(JsonElement given) {
        JsonObject fields = given.getAsJsonObject();
        Interaction.Builder interaction = Interaction.newBuilder()
                .setInteractionId(Calls.text(fields, "interaction_id"))
                .setUserId(Calls.text(fields, "user_id"))
                .setItemId(Calls.text(fields, "item_id"))
                .setType(Calls.text(fields, "type"));
        if (fields.has("value") && !fields.get("value").isJsonNull()) {
            interaction.setValue(fields.get("value").getAsDouble());
        }
        if (fields.has("time")) {
            Instant time = OffsetDateTime.parse(Calls.text(fields, "time")).toInstant();
            interaction.setTime(
                    Timestamp.newBuilder().setSeconds(time.getEpochSecond()).setNanos(time.getNano()));
        }
        return interaction.build();
    }

    static TrainingParameters training(JsonObject args) {
        String preset = Calls.text(args, "preset").toUpperCase(Locale.ROOT);
        return TrainingParameters.newBuilder()
                .setPreset(TrainingParameters.Preset.valueOf("PRESET_" + (preset.isEmpty() ? "UNSPECIFIED" : preset)))
                .build();
    }

    private static Map<String, AttributeValue> attributes(JsonObject args, String name) {
        return args.has(name)
                ? args.getAsJsonObject(name).asMap().entrySet().stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, each -> attribute(each.getValue())))
                : Map.of();
    }

    private static AttributeValue attribute(JsonElement value) {
        if (value instanceof JsonArray list) {
            return Values.value(
                    list.asList().stream().map(JsonElement::getAsString).toList());
        }
        JsonPrimitive one = value.getAsJsonPrimitive();
        if (one.isString()) {
            return Values.value(one.getAsString());
        }
        if (one.isBoolean()) {
            return Values.value(one.getAsBoolean());
        }
        return one.getAsString().matches("-?\\d+") ? Values.value(one.getAsLong()) : Values.value(one.getAsDouble());
    }

    static JsonElement plain(AttributeValue value) {
        return switch (value.getValueCase()) {
            case STRING_VALUE -> new JsonPrimitive(value.getStringValue());
            case INT64_VALUE -> new JsonPrimitive(value.getInt64Value());
            case DOUBLE_VALUE -> new JsonPrimitive(value.getDoubleValue());
            case BOOL_VALUE -> new JsonPrimitive(value.getBoolValue());
            case STRING_LIST_VALUE -> Calls.array(value.getStringListValue().getValuesList(), JsonPrimitive::new);
            case FLOAT_VECTOR_VALUE -> Calls.array(value.getFloatVectorValue().getValuesList(), JsonPrimitive::new);
            case TIMESTAMP_VALUE -> {
                Timestamp time = value.getTimestampValue();
                yield new JsonPrimitive(Instant.ofEpochSecond(time.getSeconds(), time.getNanos())
                        .toString());
            }
            case VALUE_NOT_SET -> JsonNull.INSTANCE;
        };
    }
}
