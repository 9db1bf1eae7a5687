// How failures look to a user: the class, status, code and param of the error, and the end of a broken stream.
import OpenAI from "openai";

import { client, failure, report } from "./client.mjs";

const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: "wrong", maxRetries: 0 });

const key = await failure(() => stranger.responses.create({ model: "up/model", input: "Hi" }));
const type = await failure(() => client.responses.create({ model: "up/model", input: "Hi", temperature: "hot" }));
const model = await failure(() => client.responses.create({ model: "nobody/model", input: "Hi" }));
const rate = await failure(() => client.responses.create({ model: "up/model", input: "Hi" }));

const broken = [];
for await (const event of await client.responses.create({ model: "up/model", input: "Hi", stream: true })) {
  broken.push(event.type);
}

report({ key, type, model, rate, last: broken.at(-1) });
