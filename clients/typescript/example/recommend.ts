import { attributes, connect } from "@firstlight/client";

const client = await connect(process.argv[2] ?? "127.0.0.1:7070", { catalogId: "default", timeoutMs: 5_000 });
const query = { profile: attributes({ age: 25 }), history: [{ itemId: "item-02", value: 5 }], limit: 5 };
const { recommendation } = await client.recommendations.recommend({ query });
for (const item of recommendation?.items ?? []) console.log(item.itemId, item.score, item.reasonText);

const written = await client.writeAll([{ userId: "ada", itemId: "item-02", value: 5 }]);
await client.recommendations.recommend({ query: { userId: "ada" }, minWriteToken: written.writeToken });
client.close();
