// Responses that are found again: retrieved, their input listed page by page, deleted; and what cannot be cancelled.
import { isDeepStrictEqual } from "node:util";

import { client, failure, report } from "./client.mjs";

const model = "up/model";
const first = await client.responses.create({ model, input: "A", metadata: { a: "b" } });
const input = ["B0", "B1", "B2", "B3", "B4"].map((content) => ({ role: "user", content }));
let second;
for await (const event of await client.responses.create({
  model,
  input,
  previous_response_id: first.id,
  stream: true,
})) {
  if (event.type === "response.completed") second = event.response;
}

async function texts(query) {
  const found = [];
  for await (const item of client.responses.inputItems.list(second.id, query)) found.push(item.content[0].text);
  return found;
}

const [ascending, descending] = [await texts({ order: "asc", limit: 2 }), await texts({ limit: 4 })];
const page = await client.responses.inputItems.list(second.id, { limit: 3 });
const next = await page.getNextPage();
const found = [await client.responses.retrieve(first.id), await client.responses.retrieve(second.id)];
const reference = { type: "item_reference", id: second.output[0].id };
const referring = await client.responses.create({ model, input: [reference, { role: "user", content: "C" }] });
const cancelled = await failure(() => client.responses.cancel(first.id));

await client.responses.delete(first.id);

report({
  ascending,
  descending,
  pages: [page.data, next.data].map((items) => items.map((item) => item.content[0].text)),
  more: [page.has_more, next.has_more],
  wrongLimit: await failure(() => client.responses.inputItems.list(second.id, { limit: 0 })),
  same: [same(found[0], first), same(found[1], second)],
  metadata: found[0].metadata,
  referring: referring.status,
  cancelled,
  gone: [
    await failure(() => client.responses.retrieve(first.id)),
    await failure(() => client.responses.delete(first.id)),
    await failure(() => client.responses.create({ model, input: "D", previous_response_id: second.id })),
    await failure(() => client.responses.create({ model, input: [{ ...reference, id: "msg_of_nobody" }] })),
  ],
});

/** Whether both say the same on the wire; `output_text` is the SDK's own. */
function same(left, right) {
  const [one, other] = [left, right].map((response) => ({ ...response, output_text: null }));
  return isDeepStrictEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));
}
