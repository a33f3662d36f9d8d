package dev.firstlight.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.firstlight.client.ClientOptions;
import dev.firstlight.client.FirstlightClient;
import dev.firstlight.client.FirstlightException;
import io.grpc.TlsChannelCredentials;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Cases in, outcomes out, as tests/conformance/README.md describes them; nothing is judged here. */
final class Cases {
    private Cases() {}

    static JsonObject run(Map<String, String> given) throws IOException {
        JsonObject outcomes = new JsonObject();
        List<Path> files;
        try (var listed = Files.list(Path.of(given.get("cases")))) {
            files = listed.filter(each -> each.toString().endsWith(".json"))
                    .sorted()
                    .toList();
        }
        for (Path file : files) {
            for (JsonElement each :
                    JsonParser.parseString(Files.readString(file)).getAsJsonArray()) {
                outcomes.add(each.getAsJsonObject().get("name").getAsString(), runCase(each.getAsJsonObject(), given));
            }
        }
        JsonObject result = new JsonObject();
        result.addProperty("language", "java");
        result.add("cases", outcomes);
        return result;
    }

    private static JsonArray runCase(JsonObject given, Map<String, String> arguments) {
        Map<String, String> saved = new HashMap<>(Map.of("run", arguments.get("run")));
        JsonArray outcomes = new JsonArray();
        try (FirstlightClient client = connect(given, saved, arguments)) {
            for (JsonElement each : given.getAsJsonArray("steps")) {
                outcomes.add(runStep(client, each.getAsJsonObject(), saved));
            }
        } catch (RuntimeException | IOException error) {
            outcomes.add(crash(error));
        }
        return outcomes;
    }

    private static FirstlightClient connect(JsonObject given, Map<String, String> saved, Map<String, String> arguments)
            throws IOException {
        String target = given.get("target").getAsString();
        JsonObject options =
                given.has("options") ? filled(given.get("options"), saved).getAsJsonObject() : new JsonObject();
        ClientOptions chosen = FirstlightClient.options();
        for (String name : options.keySet()) {
            JsonElement value = options.get(name);
            switch (name) {
                case "catalog_id" -> chosen.catalogId(value.getAsString());
                case "timeout_s" -> chosen.timeout(Duration.ofMillis(Math.round(1000 * value.getAsDouble())));
                case "bearer_token" -> chosen.bearerToken(value.getAsString());
                case "wait_for_ready" -> chosen.waitForReady(value.getAsBoolean());
                default -> throw new IllegalArgumentException("unknown option " + name);
            }
        }
        if (target.equals("tls")) {
            File authority = new File(arguments.get("ca"));
            chosen.credentials(
                    TlsChannelCredentials.newBuilder().trustManager(authority).build());
        }
        String[] faults = arguments.get("faults").split(",");
        return switch (target) {
            case "server", "tls" -> chosen.connect(arguments.get(target));
            case "faults" -> chosen.connect(faults[0]);
            case "both_faults" -> chosen.connect(faults);
            default -> throw new IllegalArgumentException("unknown target " + target);
        };
    }

    private static JsonElement runStep(FirstlightClient client, JsonObject step, Map<String, String> saved) {
        String call = step.get("call").getAsString();
        JsonElement args = step.has("args") ? filled(step.get("args"), saved) : new JsonObject();
        if (step.has("repeat")) {
            JsonArray outcomes = new JsonArray();
            for (int n = step.get("repeat").getAsInt(); n > 0; n--) {
                outcomes.add(outcome(client, call, args.getAsJsonObject()));
            }
            return outcomes;
        }
        JsonObject outcome = outcome(client, call, args.getAsJsonObject());
        if (step.has("save") && outcome.get("result") instanceof JsonObject result) {
            step.getAsJsonObject("save").asMap().forEach((name, field) -> {
                saved.put(name, result.get(field.getAsString()).getAsString());
            });
        }
        return outcome;
    }

    private static JsonObject outcome(FirstlightClient client, String call, JsonObject args) {
        JsonObject outcome = new JsonObject();
        try {
            outcome.add("result", Calls.make(client, call, args));
        } catch (FirstlightException error) {
            outcome.add("error", described(error));
        } catch (RuntimeException error) {
            return crash(error);
        }
        return outcome;
    }

    private static JsonObject described(FirstlightException error) {
        JsonObject described = new JsonObject();
        boolean base = error.getClass() == FirstlightException.class;
        described.addProperty("class", base ? "Error" : error.getClass().getSimpleName());
        described.addProperty("code", error.code().name());
        described.addProperty("reason", error.reason());
        JsonObject metadata = new JsonObject();
        error.metadata().forEach(metadata::addProperty);
        described.add("metadata", metadata);
        if (error instanceof FirstlightException.InvalidInput invalid) {
            JsonArray violations = new JsonArray();
            invalid.violations().forEach(each -> violations.add(Calls.row(each.getField(), each.getDescription())));
            described.add("violations", violations);
            described.addProperty("total", invalid.total());
        }
        return described;
    }

    private static JsonObject crash(Exception error) {
        JsonObject outcome = new JsonObject();
        outcome.addProperty("crash", error + " at " + error.getStackTrace()[0]);
        return outcome;
    }

    /** {@code value} with {@code ${name}} replaced and {@code $repeat} written out. */
    static JsonElement filled(JsonElement value, Map<String, String> saved) {
        if (value instanceof JsonObject object && object.keySet().equals(java.util.Set.of("$repeat"))) {
            JsonObject repeat = object.getAsJsonObject("$repeat");
            JsonArray list = new JsonArray();
            Map<String, String> names = new HashMap<>(saved);
            for (int i = 0; i < repeat.get("count").getAsInt(); i++) {
                names.put("i", String.valueOf(i));
                list.add(filled(repeat.get("value"), names));
            }
            return list;
        }
        if (value instanceof JsonObject object) {
            JsonObject copy = new JsonObject();
            object.asMap().forEach((name, each) -> copy.add(name, filled(each, saved)));
            return copy;
        }
        if (value instanceof JsonArray array) {
            JsonArray copy = new JsonArray();
            array.forEach(each -> copy.add(filled(each, saved)));
            return copy;
        }
        if (value instanceof JsonPrimitive primitive && primitive.isString()) {
            String text = primitive.getAsString();
            for (var each : saved.entrySet()) {
                text = text.replace("${" + each.getKey() + "}", each.getValue());
            }
            return new JsonPrimitive(text);
        }
        return value;
    }
}
