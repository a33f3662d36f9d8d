package dev.firstlight.client;

import dev.firstlight.v1.*;
import io.grpc.MethodDescriptor;

/** One method for each unary rpc of the contract, where each has its description. */
abstract class Calls {
    abstract <Q, R> R call(MethodDescriptor<Q, R> method, Q request);

    public RecommendResponse recommend(RecommendRequest request) {
        return call(RecommendationServiceGrpc.getRecommendMethod(), request);
    }

    public BatchRecommendResponse batchRecommend(BatchRecommendRequest request) {
        return call(RecommendationServiceGrpc.getBatchRecommendMethod(), request);
    }

    public RankItemsResponse rankItems(RankItemsRequest request) {
        return call(RecommendationServiceGrpc.getRankItemsMethod(), request);
    }

    public FindSimilarItemsResponse findSimilarItems(FindSimilarItemsRequest request) {
        return call(RecommendationServiceGrpc.getFindSimilarItemsMethod(), request);
    }

    public GetItemResponse getItem(GetItemRequest request) {
        return call(ItemServiceGrpc.getGetItemMethod(), request);
    }

    public BatchUpsertItemsResponse batchUpsertItems(BatchUpsertItemsRequest request) {
        return call(ItemServiceGrpc.getBatchUpsertItemsMethod(), request);
    }

    public BatchDeleteItemsResponse batchDeleteItems(BatchDeleteItemsRequest request) {
        return call(ItemServiceGrpc.getBatchDeleteItemsMethod(), request);
    }

    public GetUserResponse getUser(GetUserRequest request) {
        return call(UserServiceGrpc.getGetUserMethod(), request);
    }

    public BatchUpsertUsersResponse batchUpsertUsers(BatchUpsertUsersRequest request) {
        return call(UserServiceGrpc.getBatchUpsertUsersMethod(), request);
    }

    public BatchDeleteUsersResponse batchDeleteUsers(BatchDeleteUsersRequest request) {
        return call(UserServiceGrpc.getBatchDeleteUsersMethod(), request);
    }

    public BatchWriteInteractionsResponse batchWriteInteractions(BatchWriteInteractionsRequest request) {
        return call(InteractionServiceGrpc.getBatchWriteInteractionsMethod(), request);
    }

    public GetBundleResponse getBundle(GetBundleRequest request) {
        return call(BundleServiceGrpc.getGetBundleMethod(), request);
    }

    public ActivateBundleResponse activateBundle(ActivateBundleRequest request) {
        return call(BundleServiceGrpc.getActivateBundleMethod(), request);
    }

    public RollbackBundleResponse rollbackBundle(RollbackBundleRequest request) {
        return call(BundleServiceGrpc.getRollbackBundleMethod(), request);
    }

    public CreateTrainingJobResponse createTrainingJob(CreateTrainingJobRequest request) {
        return call(TrainingServiceGrpc.getCreateTrainingJobMethod(), request);
    }

    public GetTrainingJobResponse getTrainingJob(GetTrainingJobRequest request) {
        return call(TrainingServiceGrpc.getGetTrainingJobMethod(), request);
    }

    public CancelTrainingJobResponse cancelTrainingJob(CancelTrainingJobRequest request) {
        return call(TrainingServiceGrpc.getCancelTrainingJobMethod(), request);
    }
}
