// A conversation: made with items, continued by responses, listed, changed, and deleted.
import { client, failure, report } from "./client.mjs";

const isStreamed = process.argv[2] === "streamed";
const model = "up/model";
const api = client.conversations;

const made = await api.create({
  items: [{ type: "message", role: "user", content: "My name is Ada." }],
  metadata: { topic: "names" },
});
for (const input of ["Hi", "My name?"]) {
  const request = { model, input, conversation: made.id };
  await (isStreamed ? client.responses.stream(request).finalResponse() : client.responses.create(request));
}

const items = [];
for await (const item of api.items.list(made.id, { order: "asc", limit: 2 })) items.push(item);
const changed = await api.update(made.id, { metadata: { topic: "people" } });
const added = await api.items.create(made.id, { items: [{ type: "message", role: "user", content: "Bye" }] });
const found = await api.items.retrieve(added.data[0].id, { conversation_id: made.id });
await api.items.delete(items[0].id, { conversation_id: made.id });
const left = await api.items.list(made.id);
const retrieved = await api.retrieve(made.id);
const deleted = await api.delete(made.id);

report({
  texts: items.map((item) => item.content[0].text),
  topic: [made.metadata.topic, changed.metadata.topic, retrieved.metadata.topic],
  found: found.content[0].text,
  left: left.data.map((item) => item.content[0].text),
  deleted: deleted.deleted,
  gone: [
    await failure(() => api.retrieve(made.id)),
    await failure(() => client.responses.create({ model, input: "Hi", conversation: made.id })),
  ],
});
