// The five calls of docs/clients.md: node build/example/five-calls.js HOST:PORT

import { attributes, connect, NotFoundError } from "@firstlight/client";

const client = await connect(process.argv[2] ?? "127.0.0.1:7070", { catalogId: "default", timeoutMs: 5_000 });

// 1. Somebody new
const query = { profile: attributes({ age: 25 }), history: [{ itemId: "item-02", value: 5 }], limit: 5 };
const { recommendation } = await client.recommendations.recommend({ query });
for (const item of recommendation?.items ?? []) console.log(item.itemId, item.reasonText);

// 2. Read your writes
const written = await client.writeAll([{ userId: "ada", itemId: "item-02", value: 5 }]);
const answer = await client.recommendations.recommend({ query: { userId: "ada" }, minWriteToken: written.writeToken });

// 3. A new item
const item = { itemId: "item-new", attributes: attributes({ title: "A new one", genres: ["calm", "new"] }) };
const { writeToken } = await client.items.batchUpsertItems({ items: [item] });
const nearest = await client.recommendations.findSimilarItems({
  itemId: "item-new",
  limit: 3,
  minWriteToken: writeToken,
});

// 4. Every page of a list
const userIds: string[] = [];
for await (const user of client.allUsers({ pageSize: 500 })) userIds.push(user.userId);

// 5. A failure
try {
  await client.items.getItem({ itemId: "nowhere" });
} catch (error) {
  if (!(error instanceof NotFoundError)) throw error;
  console.log(error.reason);
}

// end
console.log(answer.recommendation?.scenario, nearest.recommendation?.items.length, userIds.length);
client.close();
