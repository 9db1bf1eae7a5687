// An agent's loop that sends only what is new: each request continues the response before it. Whole or streamed.
import { client, failure, report, weather } from "./client.mjs";

const isStreamed = process.argv[2] === "streamed";

function create(request) {
  const body = { model: "up/model", tools: [weather], ...request };
  return isStreamed ? client.responses.stream(body).finalResponse() : client.responses.create(body);
}

const responses = [await create({ input: "The weather in Rome and Oslo?", instructions: "Be brief." })];
for (let calls = callsOf(responses[0]); calls.length > 0; calls = callsOf(responses.at(-1))) {
  const input = calls.map(({ call_id, arguments: text }) => ({
    type: "function_call_output",
    call_id,
    output: `sunny in ${JSON.parse(text).city}`,
  }));
  responses.push(await create({ previous_response_id: responses.at(-1).id, input }));
}

function callsOf(response) {
  return response.output.filter((item) => item.type === "function_call");
}

const [first, last] = [responses[0], responses.at(-1)];
report({
  answer: last.output_text,
  ids: responses.map((response) => response.id),
  previous: responses.map((response) => response.previous_response_id),
  stored: responses.map((response) => response.store),
  unanswered: await failure(() => create({ previous_response_id: first.id, input: "And now?" })),
  orphan: await failure(() =>
    create({
      previous_response_id: last.id,
      input: [{ type: "function_call_output", call_id: "call_of_nobody", output: "" }],
    }),
  ),
  unknown: await failure(() => create({ previous_response_id: `resp_${"0".repeat(48)}`, input: "Hi" })),
});
