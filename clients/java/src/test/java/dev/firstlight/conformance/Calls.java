package dev.firstlight.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.firstlight.client.FirstlightClient;
import dev.firstlight.v1.*;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.StreamSupport;

/** Every call that a case can make: its arguments as messages, its answer as JSON. */
final class Calls {
    private Calls() {}

    static JsonElement make(FirstlightClient client, String call, JsonObject args) {
        return switch (call) {
            case "recommend" ->
                list(client.recommend(RecommendRequest.newBuilder()
                                .setQuery(Messages.query(args))
                                .setMinWriteToken(text(args, "min_write_token"))
                                .build())
                        .getRecommendation());
            case "batch_recommend" ->
                array(
                        client.batchRecommend(BatchRecommendRequest.newBuilder()
                                        .addAllQueries(each(args, "queries", q -> Messages.query(q.getAsJsonObject())))
                                        .setMinWriteToken(text(args, "min_write_token"))
                                        .build())
                                .getRecommendationsList(),
                        Calls::list);
            case "rank" ->
                list(client.rankItems(RankItemsRequest.newBuilder()
                                .setQuery(Messages.query(args))
                                .addAllCandidateItemIds(texts(args, "candidates"))
                                .setMinWriteToken(text(args, "min_write_token"))
                                .build())
                        .getRecommendation());
            case "similar_items" ->
                list(client.findSimilarItems(FindSimilarItemsRequest.newBuilder()
                                .setItemId(text(args, "item_id"))
                                .setLimit(number(args, "limit"))
                                .setMinWriteToken(text(args, "min_write_token"))
                                .build())
                        .getRecommendation());
            case "get_item" -> {
                Item item = client.getItem(GetItemRequest.newBuilder()
                                .setItemId(text(args, "item_id"))
                                .build())
                        .getItem();
                yield entity(item.getItemId(), item.getAttributesMap());
            }
            case "get_user" -> {
                User user = client.getUser(GetUserRequest.newBuilder()
                                .setUserId(text(args, "user_id"))
                                .build())
                        .getUser();
                yield entity(user.getUserId(), user.getAttributesMap());
            }
            case "list_items" -> ids(client.listItems(number(args, "page_size")), Item::getItemId);
            case "list_users" -> ids(client.listUsers(number(args, "page_size")), User::getUserId);
            case "list_bundles" -> ids(client.listBundles(number(args, "page_size")), Bundle::getBundleId);
            case "list_training_jobs" -> ids(client.listTrainingJobs(number(args, "page_size")), TrainingJob::getJobId);
            case "list_plugins" ->
                array(
                        client.listPlugins(number(args, "page_size")),
                        plugin -> row(plugin.getName(), name(plugin.getState(), "PLUGIN_STATE_")));
            case "upsert_items" -> {
                var stored = client.batchUpsertItems(BatchUpsertItemsRequest.newBuilder()
                        .addAllItems(each(args, "items", Messages::item))
                        .build());
                yield upserted(stored.getWriteToken(), stored.getUnknownAttributesList());
            }
            case "upsert_users" -> {
                var stored = client.batchUpsertUsers(BatchUpsertUsersRequest.newBuilder()
                        .addAllUsers(each(args, "users", Messages::user))
                        .build());
                yield upserted(stored.getWriteToken(), stored.getUnknownAttributesList());
            }
            case "delete_items" ->
                object(
                        "write_token",
                        client.batchDeleteItems(BatchDeleteItemsRequest.newBuilder()
                                        .addAllItemIds(texts(args, "ids"))
                                        .build())
                                .getWriteToken());
            case "delete_users" ->
                object(
                        "write_token",
                        client.batchDeleteUsers(BatchDeleteUsersRequest.newBuilder()
                                        .addAllUserIds(texts(args, "ids"))
                                        .build())
                                .getWriteToken());
            case "write_interactions" ->
                written(client.batchWriteInteractions(BatchWriteInteractionsRequest.newBuilder()
                        .addAllInteractions(each(args, "interactions", Messages::interaction))
                        .setRequestId(text(args, "request_id"))
                        .build()));
            case "write_all" -> {
                List<Interaction> interactions = each(args, "interactions", Messages::interaction);
                yield written(
                        args.has("batch_size")
                                ? client.writeAll(interactions, number(args, "batch_size"))
                                : client.writeAll(interactions));
            }
            case "get_bundle" ->
                object(
                        "bundle_id",
                        client.getBundle(GetBundleRequest.newBuilder()
                                        .setBundleId(text(args, "bundle_id"))
                                        .build())
                                .getBundle()
                                .getBundleId());
            case "activate_bundle" -> {
                var answer = client.activateBundle(ActivateBundleRequest.newBuilder()
                        .setBundleId(text(args, "bundle_id"))
                        .setForce(truth(args, "force"))
                        .build());
                yield activated(answer.getBundle(), answer.getWriteToken());
            }
            case "roll_back_bundle" -> {
                var answer = client.rollbackBundle(RollbackBundleRequest.getDefaultInstance());
                yield activated(answer.getBundle(), answer.getWriteToken());
            }
            case "create_training_job" ->
                job(client.createTrainingJob(CreateTrainingJobRequest.newBuilder()
                                .setParameters(Messages.training(args))
                                .build())
                        .getJob());
            case "get_training_job" ->
                job(client.getTrainingJob(GetTrainingJobRequest.newBuilder()
                                .setJobId(text(args, "job_id"))
                                .build())
                        .getJob());
            case "cancel_training_job" ->
                job(client.cancelTrainingJob(CancelTrainingJobRequest.newBuilder()
                                .setJobId(text(args, "job_id"))
                                .build())
                        .getJob());
            case "watch_training_job" -> watched(client, args);
            case "health" -> object("status", client.health().name());
            default -> throw new IllegalArgumentException("unknown call " + call);
        };
    }

    private static JsonObject list(Recommendation answer) {
        JsonObject list = new JsonObject();
        list.add("items", array(answer.getItemsList(), item -> {
            String reason = item.hasReason() ? name(item.getReason().getCode(), "CODE_") : "";
            return row(item.getItemId(), item.getSource(), reason);
        }));
        list.addProperty("scenario", name(answer.getScenario(), "SCENARIO_"));
        list.addProperty("strategy", answer.getStrategy());
        list.addProperty("route", name(answer.getRoute(), "ROUTE_"));
        list.addProperty("bundle_id", answer.getBundleId());
        list.addProperty("attribution_token", answer.getAttributionToken());
        list.add(
                "degraded",
                array(answer.getDegradedList(), each -> row(name(each.getReason(), "REASON_"), each.getComponent())));
        return list;
    }

    private static JsonObject entity(String id, Map<String, AttributeValue> attributes) {
        JsonObject plain = new JsonObject();
        attributes.forEach((name, value) -> plain.add(name, Messages.plain(value)));
        JsonObject entity = object("id", id);
        entity.add("attributes", plain);
        return entity;
    }

    private static JsonObject upserted(String token, Collection<String> unknown) {
        JsonObject upserted = object("write_token", token);
        upserted.add("unknown_attributes", array(unknown, JsonPrimitive::new));
        return upserted;
    }

    private static JsonObject written(BatchWriteInteractionsResponse answer) {
        JsonObject written = object("write_token", answer.getWriteToken());
        written.addProperty("written", answer.getWrittenCount());
        written.addProperty("unchanged", answer.getUnchangedCount());
        return written;
    }

    private static JsonObject activated(Bundle bundle, String token) {
        JsonObject activated = object("bundle_id", bundle.getBundleId());
        activated.addProperty("write_token", token);
        return activated;
    }

    private static JsonObject job(TrainingJob job) {
        JsonObject described = object("job_id", job.getJobId());
        described.addProperty("state", name(job.getState(), "STATE_"));
        return described;
    }

    private static JsonObject watched(FirstlightClient client, JsonObject args) {
        int left = args.has("cancel_after") ? number(args, "cancel_after") : Integer.MAX_VALUE;
        List<String> states = new ArrayList<>();
        var request = WatchTrainingJobRequest.newBuilder().setJobId(text(args, "job_id"));
        try (var watch = client.watchTrainingJob(request.build())) {
            for (var jobs = watch.iterator(); left > 0 && jobs.hasNext(); left--) {
                String state = name(jobs.next().getState(), "STATE_");
                if (states.isEmpty() || !states.get(states.size() - 1).equals(state)) {
                    states.add(state);
                }
            }
        }
        JsonObject watched = new JsonObject();
        watched.add("states", array(states, JsonPrimitive::new));
        watched.addProperty("cancelled", left == 0);
        return watched;
    }

    static String text(JsonObject args, String name) {
        return args.has(name) ? args.get(name).getAsString() : "";
    }

    static int number(JsonObject args, String name) {
        return args.has(name) ? args.get(name).getAsInt() : 0;
    }

    static boolean truth(JsonObject args, String name) {
        return args.has(name) && args.get(name).getAsBoolean();
    }

    static List<String> texts(JsonObject args, String name) {
        return each(args, name, JsonElement::getAsString);
    }

    static <T> List<T> each(JsonObject args, String name, Function<JsonElement, T> made) {
        return args.has(name)
                ? args.getAsJsonArray(name).asList().stream().map(made).toList()
                : List.of();
    }

    static JsonArray row(String... cells) {
        return array(List.of(cells), JsonPrimitive::new);
    }

    private static <T> JsonArray ids(Iterable<T> things, Function<T, String> id) {
        return array(things, each -> new JsonPrimitive(id.apply(each)));
    }

    static <T> JsonArray array(Iterable<T> things, Function<T, JsonElement> made) {
        JsonArray array = new JsonArray();
        StreamSupport.stream(things.spliterator(), false).map(made).forEach(array::add);
        return array;
    }

    private static JsonObject object(String name, String value) {
        JsonObject object = new JsonObject();
        object.addProperty(name, value);
        return object;
    }

    private static String name(Enum<?> value, String prefix) {
        return value.name().startsWith(prefix) ? value.name().substring(prefix.length()) : value.name();
    }
}
