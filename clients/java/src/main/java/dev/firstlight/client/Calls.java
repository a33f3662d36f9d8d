// Generated from protos/ by generate.py: not to be edited.
package dev.firstlight.client;

import dev.firstlight.v1.*;
import io.grpc.MethodDescriptor;
import java.util.List;
import java.util.function.Function;

/** One method for each unary rpc of the contract, and for each list one that goes over all its pages. */
abstract class Calls {
    abstract <Q, R> R call(MethodDescriptor<Q, R> method, Q request);

    abstract <R, T> Iterable<T> pages(
            Function<String, R> fetch, Function<R, List<T>> entries, Function<R, String> nextToken);

    /** One bundle. One that is not known is NOT_FOUND. */
    public GetBundleResponse getBundle(GetBundleRequest request) {
        return call(BundleServiceGrpc.getGetBundleMethod(), request);
    }

    /** All bundles by id, which grows with time, in pages. */
    public ListBundlesResponse listBundles(ListBundlesRequest request) {
        return call(BundleServiceGrpc.getListBundlesMethod(), request);
    }

    /** All bundles by id, which grows with time, in pages. {@code pageSize} are fetched at a time, 0 for the server's choice. */
    public Iterable<Bundle> listBundles(int pageSize) {
        var request = ListBundlesRequest.newBuilder().setPageSize(pageSize).build();
        return pages(
                token -> listBundles(request.toBuilder().setPageToken(token).build()),
                ListBundlesResponse::getBundlesList,
                ListBundlesResponse::getNextPageToken);
    }

    /** Lets a bundle answer. Its files are checked first: a damaged bundle is DATA_LOSS and the active one stays. */
    public ActivateBundleResponse activateBundle(ActivateBundleRequest request) {
        return call(BundleServiceGrpc.getActivateBundleMethod(), request);
    }

    /** Lets the bundle that was active before answer again. Without one: FAILED_PRECONDITION, NO_PREVIOUS_BUNDLE. */
    public RollbackBundleResponse rollbackBundle(RollbackBundleRequest request) {
        return call(BundleServiceGrpc.getRollbackBundleMethod(), request);
    }

    /** Writes interactions: all of them, or none; answered after they were committed. Unknown users, items and catalogues are created. */
    public BatchWriteInteractionsResponse batchWriteInteractions(BatchWriteInteractionsRequest request) {
        return call(InteractionServiceGrpc.getBatchWriteInteractionsMethod(), request);
    }

    /** One item. One that is not known is NOT_FOUND. */
    public GetItemResponse getItem(GetItemRequest request) {
        return call(ItemServiceGrpc.getGetItemMethod(), request);
    }

    /** All items by id, in pages. */
    public ListItemsResponse listItems(ListItemsRequest request) {
        return call(ItemServiceGrpc.getListItemsMethod(), request);
    }

    /** All items by id, in pages. {@code pageSize} are fetched at a time, 0 for the server's choice. */
    public Iterable<Item> listItems(int pageSize) {
        var request = ListItemsRequest.newBuilder().setPageSize(pageSize).build();
        return pages(
                token -> listItems(request.toBuilder().setPageToken(token).build()),
                ListItemsResponse::getItemsList,
                ListItemsResponse::getNextPageToken);
    }

    /** Creates or replaces items: all of them, or none. A catalogue that is not known is created. */
    public BatchUpsertItemsResponse batchUpsertItems(BatchUpsertItemsRequest request) {
        return call(ItemServiceGrpc.getBatchUpsertItemsMethod(), request);
    }

    /** Deletes items: they are never recommended again. Ids that are not known are ignored. */
    public BatchDeleteItemsResponse batchDeleteItems(BatchDeleteItemsRequest request) {
        return call(ItemServiceGrpc.getBatchDeleteItemsMethod(), request);
    }

    /** All plugins in the order they were loaded, those that failed to load included, in pages. */
    public ListPluginsResponse listPlugins(ListPluginsRequest request) {
        return call(PluginServiceGrpc.getListPluginsMethod(), request);
    }

    /** All plugins in the order they were loaded, those that failed to load included, in pages. {@code pageSize} are fetched at a time, 0 for the server's choice. */
    public Iterable<Plugin> listPlugins(int pageSize) {
        var request = ListPluginsRequest.newBuilder().setPageSize(pageSize).build();
        return pages(
                token -> listPlugins(request.toBuilder().setPageToken(token).build()),
                ListPluginsResponse::getPluginsList,
                ListPluginsResponse::getNextPageToken);
    }

    /** The best items for one query. */
    public RecommendResponse recommend(RecommendRequest request) {
        return call(RecommendationServiceGrpc.getRecommendMethod(), request);
    }

    /** The best items for each of several queries; each answer equals that of Recommend. */
    public BatchRecommendResponse batchRecommend(BatchRecommendRequest request) {
        return call(RecommendationServiceGrpc.getBatchRecommendMethod(), request);
    }

    /** The given candidates in their best order for one query. */
    public RankItemsResponse rankItems(RankItemsRequest request) {
        return call(RecommendationServiceGrpc.getRankItemsMethod(), request);
    }

    /** The items nearest to one item. An item that is not known is NOT_FOUND. */
    public FindSimilarItemsResponse findSimilarItems(FindSimilarItemsRequest request) {
        return call(RecommendationServiceGrpc.getFindSimilarItemsMethod(), request);
    }

    /** Starts a job. FAILED_PRECONDITION: with TRAINING_JOB_RUNNING where one is at work for this catalogue, with EXTRA_NOT_INSTALLED where the server is installed without training. */
    public CreateTrainingJobResponse createTrainingJob(CreateTrainingJobRequest request) {
        return call(TrainingServiceGrpc.getCreateTrainingJobMethod(), request);
    }

    /** One job. One that is not known is NOT_FOUND. */
    public GetTrainingJobResponse getTrainingJob(GetTrainingJobRequest request) {
        return call(TrainingServiceGrpc.getGetTrainingJobMethod(), request);
    }

    /** All jobs, newest first, in pages. */
    public ListTrainingJobsResponse listTrainingJobs(ListTrainingJobsRequest request) {
        return call(TrainingServiceGrpc.getListTrainingJobsMethod(), request);
    }

    /** All jobs, newest first, in pages. {@code pageSize} are fetched at a time, 0 for the server's choice. */
    public Iterable<TrainingJob> listTrainingJobs(int pageSize) {
        var request = ListTrainingJobsRequest.newBuilder().setPageSize(pageSize).build();
        return pages(
                token -> listTrainingJobs(request.toBuilder().setPageToken(token).build()),
                ListTrainingJobsResponse::getJobsList,
                ListTrainingJobsResponse::getNextPageToken);
    }

    /** Stops a job. One that has ended already stays as it is. */
    public CancelTrainingJobResponse cancelTrainingJob(CancelTrainingJobRequest request) {
        return call(TrainingServiceGrpc.getCancelTrainingJobMethod(), request);
    }

    /** One user. One that is not known is NOT_FOUND. */
    public GetUserResponse getUser(GetUserRequest request) {
        return call(UserServiceGrpc.getGetUserMethod(), request);
    }

    /** All users by id, in pages. */
    public ListUsersResponse listUsers(ListUsersRequest request) {
        return call(UserServiceGrpc.getListUsersMethod(), request);
    }

    /** All users by id, in pages. {@code pageSize} are fetched at a time, 0 for the server's choice. */
    public Iterable<User> listUsers(int pageSize) {
        var request = ListUsersRequest.newBuilder().setPageSize(pageSize).build();
        return pages(
                token -> listUsers(request.toBuilder().setPageToken(token).build()),
                ListUsersResponse::getUsersList,
                ListUsersResponse::getNextPageToken);
    }

    /** Creates or replaces users: all of them, or none. A catalogue that is not known is created. */
    public BatchUpsertUsersResponse batchUpsertUsers(BatchUpsertUsersRequest request) {
        return call(UserServiceGrpc.getBatchUpsertUsersMethod(), request);
    }

    /** Deletes users and their interactions. Ids that are not known are ignored. */
    public BatchDeleteUsersResponse batchDeleteUsers(BatchDeleteUsersRequest request) {
        return call(UserServiceGrpc.getBatchDeleteUsersMethod(), request);
    }
}
