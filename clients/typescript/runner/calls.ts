// What each call of a case does with the client, and its result as JSON.

import * as v1 from "@firstlight/client";

interface QueryArgs {
  user_id?: string;
  profile?: Record<string, v1.Plain>;
  history?: [string, number | null][];
  context?: string[];
  exclude?: string[];
  limit?: number;
  include_seen?: boolean;
  route?: keyof typeof v1.Route;
}

interface InteractionArgs {
  user_id?: string;
  item_id?: string;
  value?: number;
  type?: string;
  interaction_id?: string;
  time?: string;
}

interface EntityArgs {
  id: string;
  attributes?: Record<string, v1.Plain>;
}

/** The arguments of all calls; each has some. */
export interface Args extends QueryArgs {
  queries?: QueryArgs[];
  min_write_token?: string;
  candidates?: string[];
  item_id?: string;
  page_size?: number;
  items?: EntityArgs[];
  users?: EntityArgs[];
  ids?: string[];
  interactions?: InteractionArgs[];
  request_id?: string;
  batch_size?: number;
  bundle_id?: string;
  force?: boolean;
  preset?: string;
  job_id?: string;
  cancel_after?: number;
}

/** There is no health check here: grpc-js has none. */
export const CALLS: Partial<Record<string, (client: v1.Client, args: Args) => Promise<unknown>>> = {
  recommend: async (client, args) => list(await client.recommendations.recommend(asked(args))),
  batch_recommend: async (client, { queries = [], min_write_token: minWriteToken }) => {
    const request = { queries: queries.map(query), minWriteToken };
    const { recommendations } = await client.recommendations.batchRecommend(request);
    return recommendations.map((recommendation) => list({ recommendation }));
  },
  rank: async (client, args) =>
    list(await client.recommendations.rankItems({ ...asked(args), candidateItemIds: args.candidates })),
  similar_items: async (client, { item_id: itemId, limit, min_write_token: minWriteToken }) =>
    list(await client.recommendations.findSimilarItems({ itemId, limit, minWriteToken })),

  get_item: async (client, { item_id: itemId }) => {
    const { item } = await client.items.getItem({ itemId });
    return { id: item?.itemId, attributes: json(item?.attributes) };
  },
  get_user: async (client, { user_id: userId }) => {
    const { user } = await client.users.getUser({ userId });
    return { id: user?.userId, attributes: json(user?.attributes) };
  },
  list_items: (client, args) => all(client.allItems(paged(args)), ({ itemId }) => itemId),
  list_users: (client, args) => all(client.allUsers(paged(args)), ({ userId }) => userId),
  upsert_items: async (client, { items = [] }) => {
    const messages = items.map(({ id, attributes = {} }) => ({ itemId: id, attributes: v1.attributes(attributes) }));
    const { writeToken, unknownAttributes } = await client.items.batchUpsertItems({ items: messages });
    return { write_token: writeToken, unknown_attributes: unknownAttributes };
  },
  upsert_users: async (client, { users = [] }) => {
    const messages = users.map(({ id, attributes = {} }) => ({ userId: id, attributes: v1.attributes(attributes) }));
    const { writeToken, unknownAttributes } = await client.users.batchUpsertUsers({ users: messages });
    return { write_token: writeToken, unknown_attributes: unknownAttributes };
  },
  delete_items: async (client, { ids: itemIds }) => token(await client.items.batchDeleteItems({ itemIds })),
  delete_users: async (client, { ids: userIds }) => token(await client.users.batchDeleteUsers({ userIds })),

  write_interactions: async (client, { interactions = [], request_id: requestId }) => {
    const request = { interactions: interactions.map(interaction), requestId };
    return written(await client.interactions.batchWriteInteractions(request));
  },
  write_all: async (client, { interactions = [], batch_size: batchSize }) =>
    written(await client.writeAll(interactions.map(interaction), { batchSize })),

  get_bundle: async (client, { bundle_id: bundleId }) => {
    const { bundle } = await client.bundles.getBundle({ bundleId });
    return { bundle_id: bundle?.bundleId };
  },
  list_bundles: (client, args) => all(client.allBundles(paged(args)), ({ bundleId }) => bundleId),
  activate_bundle: async (client, { bundle_id: bundleId, force }) =>
    activated(await client.bundles.activateBundle({ bundleId, force })),
  roll_back_bundle: async (client) => activated(await client.bundles.rollbackBundle()),

  create_training_job: async (client, { preset = "unspecified" }) => {
    const key = preset.toUpperCase() as keyof typeof v1.TrainingParameters_Preset;
    const parameters = { preset: v1.TrainingParameters_Preset[key] };
    return job(await client.training.createTrainingJob({ parameters }));
  },
  get_training_job: async (client, { job_id: jobId }) => job(await client.training.getTrainingJob({ jobId })),
  cancel_training_job: async (client, { job_id: jobId }) => job(await client.training.cancelTrainingJob({ jobId })),
  list_training_jobs: (client, args) => all(client.allTrainingJobs(paged(args)), ({ jobId }) => jobId),
  watch_training_job: async (client, { job_id: jobId, cancel_after: limit }) => {
    const states: (string | undefined)[] = [];
    let count = 0;
    for await (const message of client.training.watchTrainingJob({ jobId })) {
      const { state } = job(message);
      if (state !== states.at(-1)) states.push(state);
      if (++count === limit) return { states, cancelled: true };
    }
    return { states, cancelled: false };
  },
  list_plugins: (client, args) =>
    all(client.allPlugins(paged(args)), ({ name, state }) => [name, v1.PluginState[state]]),
};

function query(args: QueryArgs) {
  return {
    userId: args.user_id,
    profile: v1.attributes(args.profile ?? {}),
    history: v1.newest(args.history ?? []).map(([itemId, value]) => ({ itemId, value: value ?? undefined })),
    contextItemIds: args.context,
    excludeItemIds: args.exclude,
    limit: args.limit,
    includeSeen: args.include_seen,
    route: args.route && v1.Route[args.route],
  };
}

function asked(args: Args) {
  return { query: query(args), minWriteToken: args.min_write_token };
}

function paged({ page_size: pageSize }: Args): v1.ListOptions {
  return { pageSize };
}

function interaction({ user_id, item_id, interaction_id, time, value, type }: InteractionArgs) {
  return {
    userId: user_id,
    itemId: item_id,
    value,
    type,
    interactionId: interaction_id,
    time: time === undefined ? undefined : precise(time),
  };
}

/** A time with all its digits: a Date has milliseconds only. */
function precise(time: string) {
  const digits = /\.(\d+)/.exec(time)?.[1] ?? "";
  return { ...v1.timestamp(new Date(time)), nanos: Number(digits.padEnd(9, "0")) };
}

function list({ recommendation: answer }: v1.RecommendResponse) {
  return {
    items: answer?.items.map(({ itemId, source, reason }) => [
      itemId,
      source,
      reason === undefined ? "" : v1.Reason_Code[reason.code],
    ]),
    scenario: answer && v1.Scenario[answer.scenario],
    strategy: answer?.strategy,
    route: answer && v1.Route[answer.route],
    bundle_id: answer?.bundleId,
    attribution_token: answer?.attributionToken,
    degraded: answer?.degraded.map(({ reason, component }) => [v1.Degradation_Reason[reason], component]),
  };
}

async function all<T, R>(elements: AsyncIterable<T>, pick: (element: T) => R): Promise<R[]> {
  const picked = [];
  for await (const element of elements) picked.push(pick(element));
  return picked;
}

function json(attributes: Record<string, v1.AttributeValue> = {}) {
  const values = Object.entries(v1.plain(attributes));
  return Object.fromEntries(values.map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]));
}

function token({ writeToken }: { writeToken: string }) {
  return { write_token: writeToken };
}

function written({ writeToken, writtenCount, unchangedCount }: v1.BatchWriteInteractionsResponse) {
  return { write_token: writeToken, written: writtenCount, unchanged: unchangedCount };
}

function activated({ bundle, writeToken }: v1.ActivateBundleResponse) {
  return { bundle_id: bundle?.bundleId, write_token: writeToken };
}

function job({ job }: { job: v1.TrainingJob | undefined }) {
  return { job_id: job?.jobId, state: job && v1.TrainingJob_State[job.state] };
}
