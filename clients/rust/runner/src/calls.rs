//! The calls that a case can name.

use firstlight_client::{Client, v1::*};
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::{
    Failure,
    values::{attributes, interactions, job, list, number, plain, query, state, text, texts},
};

pub async fn call(client: &Client, name: &str, args: &Value) -> Result<Value, Failure> {
    let min_write_token = text(&args["min_write_token"]);
    let (item_id, user_id, job_id) = (text(&args["item_id"]), text(&args["user_id"]), text(&args["job_id"]));
    let page_size = number(&args["page_size"]);
    let ids = texts(&args["ids"]);
    let catalog_id = String::new(); // the client's own
    Ok(match name {
        "recommend" => {
            let request = RecommendRequest { catalog_id, query: Some(query(args)?), min_write_token };
            list(client.recommend(request).await?.recommendation)
        }
        "batch_recommend" => {
            let queries = args["queries"].as_array().into_iter().flatten().map(query).collect::<Result<_, _>>()?;
            let request = BatchRecommendRequest { catalog_id, queries, min_write_token };
            let answers = client.batch_recommend(request).await?.recommendations;
            answers.into_iter().map(|answer| list(Some(answer))).collect()
        }
        "rank" => {
            let candidate_item_ids = texts(&args["candidates"]);
            let query = Some(query(args)?);
            let request = RankItemsRequest { catalog_id, query, candidate_item_ids, min_write_token };
            list(client.rank_items(request).await?.recommendation)
        }
        "similar_items" => {
            let limit = number(&args["limit"]);
            let request = FindSimilarItemsRequest { catalog_id, item_id, limit, min_write_token };
            list(client.find_similar_items(request).await?.recommendation)
        }
        "get_item" => {
            let item = client.get_item(GetItemRequest { catalog_id, item_id }).await?.item.unwrap_or_default();
            json!({"id": item.item_id, "attributes": plain(item.attributes)})
        }
        "get_user" => {
            let user = client.get_user(GetUserRequest { catalog_id, user_id }).await?.user.unwrap_or_default();
            json!({"id": user.user_id, "attributes": plain(user.attributes)})
        }
        "list_items" => {
            client.items(page_size).map_ok(|item| json!(item.item_id)).try_collect::<Vec<_>>().await?.into()
        }
        "list_users" => {
            client.users(page_size).map_ok(|user| json!(user.user_id)).try_collect::<Vec<_>>().await?.into()
        }
        "upsert_items" => {
            let each = |item: &Value| {
                Ok::<_, Failure>(Item { item_id: text(&item["id"]), attributes: attributes(&item["attributes"])? })
            };
            let items = args["items"].as_array().into_iter().flatten().map(each).collect::<Result<_, _>>()?;
            let written = client.batch_upsert_items(BatchUpsertItemsRequest { catalog_id, items }).await?;
            json!({"write_token": written.write_token, "unknown_attributes": written.unknown_attributes})
        }
        "upsert_users" => {
            let each = |user: &Value| {
                Ok::<_, Failure>(User { user_id: text(&user["id"]), attributes: attributes(&user["attributes"])? })
            };
            let users = args["users"].as_array().into_iter().flatten().map(each).collect::<Result<_, _>>()?;
            let written = client.batch_upsert_users(BatchUpsertUsersRequest { catalog_id, users }).await?;
            json!({"write_token": written.write_token, "unknown_attributes": written.unknown_attributes})
        }
        "delete_items" => {
            let request = BatchDeleteItemsRequest { catalog_id, item_ids: ids };
            json!({"write_token": client.batch_delete_items(request).await?.write_token})
        }
        "delete_users" => {
            let request = BatchDeleteUsersRequest { catalog_id, user_ids: ids };
            json!({"write_token": client.batch_delete_users(request).await?.write_token})
        }
        "write_interactions" => {
            let interactions = interactions(&args["interactions"])?;
            let request_id = text(&args["request_id"]);
            let request = BatchWriteInteractionsRequest { catalog_id, interactions, request_id };
            written(client.batch_write_interactions(request).await?)
        }
        "write_all" => {
            let batch_size = number(&args["batch_size"]) as usize;
            written(client.write_all(interactions(&args["interactions"])?, batch_size).await?)
        }
        "get_bundle" => {
            let request = GetBundleRequest { catalog_id, bundle_id: text(&args["bundle_id"]) };
            json!({"bundle_id": client.get_bundle(request).await?.bundle.unwrap_or_default().bundle_id})
        }
        "list_bundles" => {
            client.bundles(page_size).map_ok(|bundle| json!(bundle.bundle_id)).try_collect::<Vec<_>>().await?.into()
        }
        "activate_bundle" => {
            let (bundle_id, force) = (text(&args["bundle_id"]), args["force"].as_bool().unwrap_or_default());
            let answer = client.activate_bundle(ActivateBundleRequest { catalog_id, bundle_id, force }).await?;
            json!({"bundle_id": answer.bundle.unwrap_or_default().bundle_id, "write_token": answer.write_token})
        }
        "roll_back_bundle" => {
            let answer = client.rollback_bundle(RollbackBundleRequest { catalog_id }).await?;
            json!({"bundle_id": answer.bundle.unwrap_or_default().bundle_id, "write_token": answer.write_token})
        }
        "create_training_job" => {
            let name = format!("PRESET_{}", text(&args["preset"]).to_uppercase());
            let preset = training_parameters::Preset::from_str_name(&name).unwrap_or_default() as i32;
            let parameters = Some(TrainingParameters { preset, ..Default::default() });
            job(client.create_training_job(CreateTrainingJobRequest { catalog_id, parameters }).await?.job)
        }
        "get_training_job" => job(client.get_training_job(GetTrainingJobRequest { catalog_id, job_id }).await?.job),
        "cancel_training_job" => {
            job(client.cancel_training_job(CancelTrainingJobRequest { catalog_id, job_id }).await?.job)
        }
        "list_training_jobs" => {
            client.training_jobs(page_size).map_ok(|job| json!(job.job_id)).try_collect::<Vec<_>>().await?.into()
        }
        "watch_training_job" => watch(client, job_id, args["cancel_after"].as_u64()).await?,
        "list_plugins" => {
            let plugin =
                |plugin: Plugin| json!([plugin.name, plugin.state().as_str_name().trim_start_matches("PLUGIN_STATE_")]);
            client.plugins(page_size).map_ok(plugin).try_collect::<Vec<_>>().await?.into()
        }
        "health" => json!({"unsupported": true}),
        other => return Err(format!("unknown call {other}").into()),
    })
}

fn written(response: BatchWriteInteractionsResponse) -> Value {
    let (written, unchanged) = (response.written_count, response.unchanged_count);
    json!({"write_token": response.write_token, "written": written, "unchanged": unchanged})
}

async fn watch(client: &Client, job_id: String, cancel_after: Option<u64>) -> Result<Value, Failure> {
    let request = WatchTrainingJobRequest { job_id, ..Default::default() };
    let mut messages = client.watch_training_job(request).await?;
    let (mut states, mut count) = (Vec::new(), 0);
    while cancel_after.is_none_or(|most| count < most) {
        let Some(message) = messages.next().await else {
            return Ok(json!({"states": states, "cancelled": false}));
        };
        states.push(state(&message?.job.unwrap_or_default()));
        states.dedup();
        count += 1;
    }
    drop(messages); // cancels the call
    Ok(json!({"states": states, "cancelled": true}))
}
