// The client: the services of the contract, and what is built on them.

import { Caller, type CallOptions, type Stub } from "./caller.js";
import { openChannel } from "./channel.js";
import * as v1 from "./gen/index.firstlight.v1.js";
import type { ClientOptions } from "./options.js";

export interface ListOptions extends CallOptions {
  catalogId?: string;
  /** How many are fetched at a time, 100 by default. */
  pageSize?: number;
}

export interface WriteOptions extends CallOptions {
  catalogId?: string;
  /** How many interactions are written at a time: 1,000 by default, at most 10,000. */
  batchSize?: number;
}

/** What `writeAll` has written; the token is the last batch's, and empty where there was nothing to write. */
export type Written = v1.BatchWriteInteractionsResponse;

type InteractionInput = Parameters<typeof v1.Interaction.fromPartial>[0];

/** Opens a client of the server at `addresses`, each `host:port`; several answer in turn. The first call connects. */
export async function connect(addresses: string | readonly string[], options: ClientOptions = {}): Promise<Client> {
  const list = [addresses].flat();
  return new Client(await openChannel(list, options), list.join(", "), options);
}

/** Calls the services of one server, or of several in turn; made by `connect`. */
export class Client extends Caller {
  readonly recommendations: Stub<v1.RecommendationServiceDefinition> = this.stub(v1.RecommendationServiceDefinition);
  readonly items: Stub<v1.ItemServiceDefinition> = this.stub(v1.ItemServiceDefinition);
  readonly users: Stub<v1.UserServiceDefinition> = this.stub(v1.UserServiceDefinition);
  readonly interactions: Stub<v1.InteractionServiceDefinition> = this.stub(v1.InteractionServiceDefinition);
  readonly bundles: Stub<v1.BundleServiceDefinition> = this.stub(v1.BundleServiceDefinition);
  readonly training: Stub<v1.TrainingServiceDefinition> = this.stub(v1.TrainingServiceDefinition);
  readonly plugins: Stub<v1.PluginServiceDefinition> = this.stub(v1.PluginServiceDefinition);

  /** Closes the connection once the calls under way have ended. */
  close(): void {
    this.channel.close();
  }

  /** All items by id. */
  readonly allItems = (options?: ListOptions) => pages(this.items.listItems, (page) => page.items, options);

  /** All users by id. */
  readonly allUsers = (options?: ListOptions) => pages(this.users.listUsers, (page) => page.users, options);

  /** All bundles by id, which grows with time. */
  readonly allBundles = (options?: ListOptions) => pages(this.bundles.listBundles, (page) => page.bundles, options);

  /** All training jobs, newest first. */
  readonly allTrainingJobs = (options?: ListOptions) =>
    pages(this.training.listTrainingJobs, (page) => page.jobs, options);

  /** All plugins in the order they were loaded. */
  readonly allPlugins = (options?: ListOptions) => pages(this.plugins.listPlugins, (page) => page.plugins, options);

  /**
   * Writes any number of interactions, one batch after the other. After a failure the earlier batches are written; the
   * whole may be repeated, for writing again what is stored changes nothing.
   */
  async writeAll(
    interactions: Iterable<InteractionInput> | AsyncIterable<InteractionInput>,
    { batchSize = 1000, catalogId, ...options }: WriteOptions = {},
  ): Promise<Written> {
    if (!(batchSize >= 1 && batchSize <= 10_000)) throw new RangeError("batchSize must be from 1 to 10,000");
    const written: Written = { writeToken: "", writtenCount: 0, unchangedCount: 0 };
    let batch: InteractionInput[] = [];
    const send = async (): Promise<void> => {
      const request = { catalogId, interactions: batch };
      const answer = await this.interactions.batchWriteInteractions(request, options);
      written.writeToken = answer.writeToken;
      written.writtenCount += answer.writtenCount;
      written.unchangedCount += answer.unchangedCount;
      batch = [];
    };
    for await (const interaction of interactions) if (batch.push(interaction) >= batchSize) await send();
    if (batch.length > 0) await send();
    return written;
  }
}

async function* pages<Page extends { nextPageToken: string }, T>(
  list: (request: ListOptions & { pageToken: string }, options: CallOptions) => Promise<Page>,
  elements: (page: Page) => T[],
  options: ListOptions = {},
): AsyncGenerator<T, void> {
  let pageToken = "";
  do {
    const page = await list({ ...options, pageToken }, options);
    yield* elements(page);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
