// Plain text: a whole answer, a raw stream, and the stream helper, which throws on events that it does not know.
import { client, report } from "./client.mjs";

const request = { model: "up/model", input: "Hi" };

const whole = await client.responses.create(request);

const types = [];
for await (const event of await client.responses.create({ ...request, stream: true })) {
  types.push(event.type);
}

let deltas = "";
const stream = client.responses.stream(request);
stream.on("response.output_text.delta", (event) => {
  deltas += event.delta;
});
const final = await stream.finalResponse();

report({
  whole: whole.output_text,
  types,
  deltas,
  final: final.output_text,
  items: final.output.map((item) => item.type),
  status: final.status,
  total: final.usage.total_tokens,
});
