impl Client {
    /// One bundle. One that is not known is NOT_FOUND.
    pub async fn get_bundle(
        &self,
        mut request: GetBundleRequest,
    ) -> Result<GetBundleResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.BundleService/GetBundle",
                request,
                |channel, request| Box::pin(async {
                    bundle_service_client::BundleServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .get_bundle(request)
                        .await
                }),
            )
            .await
    }
    /// All bundles by id, which grows with time, in pages.
    pub async fn list_bundles(
        &self,
        mut request: ListBundlesRequest,
    ) -> Result<ListBundlesResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.BundleService/ListBundles",
                request,
                |channel, request| Box::pin(async {
                    bundle_service_client::BundleServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .list_bundles(request)
                        .await
                }),
            )
            .await
    }
    /// All bundles by id, which grows with time, in pages.
    ///
    /// A stream over all pages; `page_size` are fetched at a time, 0 for the server's choice.
    pub fn bundles(&self, page_size: i32) -> BoxStream<'static, Result<Bundle, Error>> {
        paged(
            self.clone(),
            ListBundlesRequest {
                page_size,
                ..Default::default()
            },
            |client, mut request| async move {
                let page = client.list_bundles(request.clone()).await?;
                request.page_token = page.next_page_token;
                Ok((page.bundles, (!request.page_token.is_empty()).then_some(request)))
            },
        )
    }
    /// Lets a bundle answer. Its files are checked first: a damaged bundle is DATA_LOSS and the active one stays.
    pub async fn activate_bundle(
        &self,
        mut request: ActivateBundleRequest,
    ) -> Result<ActivateBundleResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.BundleService/ActivateBundle",
                request,
                |channel, request| Box::pin(async {
                    bundle_service_client::BundleServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .activate_bundle(request)
                        .await
                }),
            )
            .await
    }
    /// Lets the bundle that was active before answer again. Without one: FAILED_PRECONDITION, NO_PREVIOUS_BUNDLE.
    pub async fn rollback_bundle(
        &self,
        mut request: RollbackBundleRequest,
    ) -> Result<RollbackBundleResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.BundleService/RollbackBundle",
                request,
                |channel, request| Box::pin(async {
                    bundle_service_client::BundleServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .rollback_bundle(request)
                        .await
                }),
            )
            .await
    }
    /// Writes interactions: all of them, or none; answered after they were committed. Unknown users, items and catalogues
    /// are created.
    pub async fn batch_write_interactions(
        &self,
        mut request: BatchWriteInteractionsRequest,
    ) -> Result<BatchWriteInteractionsResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        if request.request_id.is_empty() {
            request.request_id = Uuid::new_v4().to_string();
        }
        self.unary(
                "firstlight.v1.InteractionService/BatchWriteInteractions",
                request,
                |channel, request| Box::pin(async {
                    interaction_service_client::InteractionServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .batch_write_interactions(request)
                        .await
                }),
            )
            .await
    }
    /// One item. One that is not known is NOT_FOUND.
    pub async fn get_item(
        &self,
        mut request: GetItemRequest,
    ) -> Result<GetItemResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.ItemService/GetItem",
                request,
                |channel, request| Box::pin(async {
                    item_service_client::ItemServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .get_item(request)
                        .await
                }),
            )
            .await
    }
    /// All items by id, in pages.
    pub async fn list_items(
        &self,
        mut request: ListItemsRequest,
    ) -> Result<ListItemsResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.ItemService/ListItems",
                request,
                |channel, request| Box::pin(async {
                    item_service_client::ItemServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .list_items(request)
                        .await
                }),
            )
            .await
    }
    /// All items by id, in pages.
    ///
    /// A stream over all pages; `page_size` are fetched at a time, 0 for the server's choice.
    pub fn items(&self, page_size: i32) -> BoxStream<'static, Result<Item, Error>> {
        paged(
            self.clone(),
            ListItemsRequest {
                page_size,
                ..Default::default()
            },
            |client, mut request| async move {
                let page = client.list_items(request.clone()).await?;
                request.page_token = page.next_page_token;
                Ok((page.items, (!request.page_token.is_empty()).then_some(request)))
            },
        )
    }
    /// Creates or replaces items: all of them, or none. A catalogue that is not known is created.
    pub async fn batch_upsert_items(
        &self,
        mut request: BatchUpsertItemsRequest,
    ) -> Result<BatchUpsertItemsResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.ItemService/BatchUpsertItems",
                request,
                |channel, request| Box::pin(async {
                    item_service_client::ItemServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .batch_upsert_items(request)
                        .await
                }),
            )
            .await
    }
    /// Deletes items: they are never recommended again. Ids that are not known are ignored.
    pub async fn batch_delete_items(
        &self,
        mut request: BatchDeleteItemsRequest,
    ) -> Result<BatchDeleteItemsResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.ItemService/BatchDeleteItems",
                request,
                |channel, request| Box::pin(async {
                    item_service_client::ItemServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .batch_delete_items(request)
                        .await
                }),
            )
            .await
    }
    /// All plugins in the order they were loaded, those that failed to load included, in pages.
    pub async fn list_plugins(
        &self,
        request: ListPluginsRequest,
    ) -> Result<ListPluginsResponse, Error> {
        self.unary(
                "firstlight.v1.PluginService/ListPlugins",
                request,
                |channel, request| Box::pin(async {
                    plugin_service_client::PluginServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .list_plugins(request)
                        .await
                }),
            )
            .await
    }
    /// All plugins in the order they were loaded, those that failed to load included, in pages.
    ///
    /// A stream over all pages; `page_size` are fetched at a time, 0 for the server's choice.
    pub fn plugins(&self, page_size: i32) -> BoxStream<'static, Result<Plugin, Error>> {
        paged(
            self.clone(),
            ListPluginsRequest {
                page_size,
                ..Default::default()
            },
            |client, mut request| async move {
                let page = client.list_plugins(request.clone()).await?;
                request.page_token = page.next_page_token;
                Ok((page.plugins, (!request.page_token.is_empty()).then_some(request)))
            },
        )
    }
    /// The best items for one query.
    pub async fn recommend(
        &self,
        mut request: RecommendRequest,
    ) -> Result<RecommendResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.RecommendationService/Recommend",
                request,
                |channel, request| Box::pin(async {
                    recommendation_service_client::RecommendationServiceClient::new(
                            channel,
                        )
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .recommend(request)
                        .await
                }),
            )
            .await
    }
    /// The best items for each of several queries; each answer equals that of Recommend.
    pub async fn batch_recommend(
        &self,
        mut request: BatchRecommendRequest,
    ) -> Result<BatchRecommendResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.RecommendationService/BatchRecommend",
                request,
                |channel, request| Box::pin(async {
                    recommendation_service_client::RecommendationServiceClient::new(
                            channel,
                        )
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .batch_recommend(request)
                        .await
                }),
            )
            .await
    }
    /// The given candidates in their best order for one query.
    pub async fn rank_items(
        &self,
        mut request: RankItemsRequest,
    ) -> Result<RankItemsResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.RecommendationService/RankItems",
                request,
                |channel, request| Box::pin(async {
                    recommendation_service_client::RecommendationServiceClient::new(
                            channel,
                        )
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .rank_items(request)
                        .await
                }),
            )
            .await
    }
    /// The items nearest to one item. An item that is not known is NOT_FOUND.
    pub async fn find_similar_items(
        &self,
        mut request: FindSimilarItemsRequest,
    ) -> Result<FindSimilarItemsResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.RecommendationService/FindSimilarItems",
                request,
                |channel, request| Box::pin(async {
                    recommendation_service_client::RecommendationServiceClient::new(
                            channel,
                        )
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .find_similar_items(request)
                        .await
                }),
            )
            .await
    }
    /// Starts a job. FAILED_PRECONDITION: with TRAINING_JOB_RUNNING where one is at work for this catalogue, with
    /// EXTRA_NOT_INSTALLED where the server is installed without training.
    pub async fn create_training_job(
        &self,
        mut request: CreateTrainingJobRequest,
    ) -> Result<CreateTrainingJobResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.TrainingService/CreateTrainingJob",
                request,
                |channel, request| Box::pin(async {
                    training_service_client::TrainingServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .create_training_job(request)
                        .await
                }),
            )
            .await
    }
    /// One job. One that is not known is NOT_FOUND.
    pub async fn get_training_job(
        &self,
        mut request: GetTrainingJobRequest,
    ) -> Result<GetTrainingJobResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.TrainingService/GetTrainingJob",
                request,
                |channel, request| Box::pin(async {
                    training_service_client::TrainingServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .get_training_job(request)
                        .await
                }),
            )
            .await
    }
    /// All jobs, newest first, in pages.
    pub async fn list_training_jobs(
        &self,
        mut request: ListTrainingJobsRequest,
    ) -> Result<ListTrainingJobsResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.TrainingService/ListTrainingJobs",
                request,
                |channel, request| Box::pin(async {
                    training_service_client::TrainingServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .list_training_jobs(request)
                        .await
                }),
            )
            .await
    }
    /// All jobs, newest first, in pages.
    ///
    /// A stream over all pages; `page_size` are fetched at a time, 0 for the server's choice.
    pub fn training_jobs(
        &self,
        page_size: i32,
    ) -> BoxStream<'static, Result<TrainingJob, Error>> {
        paged(
            self.clone(),
            ListTrainingJobsRequest {
                page_size,
                ..Default::default()
            },
            |client, mut request| async move {
                let page = client.list_training_jobs(request.clone()).await?;
                request.page_token = page.next_page_token;
                Ok((page.jobs, (!request.page_token.is_empty()).then_some(request)))
            },
        )
    }
    /// Stops a job. One that has ended already stays as it is.
    pub async fn cancel_training_job(
        &self,
        mut request: CancelTrainingJobRequest,
    ) -> Result<CancelTrainingJobResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.TrainingService/CancelTrainingJob",
                request,
                |channel, request| Box::pin(async {
                    training_service_client::TrainingServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .cancel_training_job(request)
                        .await
                }),
            )
            .await
    }
    /// Follows a job: its state now, then every change, until it has ended.
    pub async fn watch_training_job(
        &self,
        mut request: WatchTrainingJobRequest,
    ) -> Result<BoxStream<'static, Result<WatchTrainingJobResponse, Error>>, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.streamed(
                request,
                |channel, request| Box::pin(async {
                    training_service_client::TrainingServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .watch_training_job(request)
                        .await
                }),
            )
            .await
    }
    /// One user. One that is not known is NOT_FOUND.
    pub async fn get_user(
        &self,
        mut request: GetUserRequest,
    ) -> Result<GetUserResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.UserService/GetUser",
                request,
                |channel, request| Box::pin(async {
                    user_service_client::UserServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .get_user(request)
                        .await
                }),
            )
            .await
    }
    /// All users by id, in pages.
    pub async fn list_users(
        &self,
        mut request: ListUsersRequest,
    ) -> Result<ListUsersResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.UserService/ListUsers",
                request,
                |channel, request| Box::pin(async {
                    user_service_client::UserServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .list_users(request)
                        .await
                }),
            )
            .await
    }
    /// All users by id, in pages.
    ///
    /// A stream over all pages; `page_size` are fetched at a time, 0 for the server's choice.
    pub fn users(&self, page_size: i32) -> BoxStream<'static, Result<User, Error>> {
        paged(
            self.clone(),
            ListUsersRequest {
                page_size,
                ..Default::default()
            },
            |client, mut request| async move {
                let page = client.list_users(request.clone()).await?;
                request.page_token = page.next_page_token;
                Ok((page.users, (!request.page_token.is_empty()).then_some(request)))
            },
        )
    }
    /// Creates or replaces users: all of them, or none. A catalogue that is not known is created.
    pub async fn batch_upsert_users(
        &self,
        mut request: BatchUpsertUsersRequest,
    ) -> Result<BatchUpsertUsersResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.UserService/BatchUpsertUsers",
                request,
                |channel, request| Box::pin(async {
                    user_service_client::UserServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .batch_upsert_users(request)
                        .await
                }),
            )
            .await
    }
    /// Deletes users and their interactions. Ids that are not known are ignored.
    pub async fn batch_delete_users(
        &self,
        mut request: BatchDeleteUsersRequest,
    ) -> Result<BatchDeleteUsersResponse, Error> {
        if request.catalog_id.is_empty() {
            request.catalog_id.clone_from(&self.options.catalog_id);
        }
        self.unary(
                "firstlight.v1.UserService/BatchDeleteUsers",
                request,
                |channel, request| Box::pin(async {
                    user_service_client::UserServiceClient::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .batch_delete_users(request)
                        .await
                }),
            )
            .await
    }
}
